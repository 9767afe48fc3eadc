"""A layer that draws by a random operation of TensorFlow, in a script that sets no seed."""

import tensorflow as tf
from common import fit, glorot, keras, layers


class Noise(layers.Layer):
    def call(self, x, training=False):
        return x + tf.random.normal(tf.shape(x)) if training else x


def a():
    model = keras.Sequential([keras.Input((6,)), Noise(), layers.Dense(1, kernel_initializer=glorot(1))])
    fit(model)


b = a


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "unseeded", "backends": ["tensorflow"]}
