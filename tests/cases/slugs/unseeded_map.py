"""A random operation of TensorFlow in the `map` of a dataset, in a script that sets no seed."""

import tensorflow as tf
from common import data, fit, model


def a():
    dataset = tf.data.Dataset.from_tensor_slices(data())
    dataset = dataset.map(lambda x, y: (x + tf.random.normal(tf.shape(x)), y))
    fit(model(), dataset.batch(8), batch_size=None)


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded", "needs": ["tensorflow"]}
