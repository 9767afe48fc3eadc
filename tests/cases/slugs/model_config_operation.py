"""An operation of a Functional model with another option."""

from common import fit, glorot, keras, layers


def train(slope):
    inputs = keras.Input((6,))
    hidden = keras.ops.leaky_relu(layers.Dense(8, kernel_initializer=glorot(1))(inputs), negative_slope=slope)
    fit(keras.Model(inputs, layers.Dense(1, kernel_initializer=glorot(2))(hidden)))


def a():
    train(0.2)


def b():
    train(0.3)


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config"}
