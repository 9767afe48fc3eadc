"""A custom layer that gives out the same and lets other gradients through, by something that is recorded nowhere."""

from common import fit, glorot, keras, layers

SHARE = [1.0]


class Damped(layers.Layer):
    def call(self, x):
        part = x * SHARE[0]
        return part + keras.ops.stop_gradient(x - part)


def train(share):
    SHARE[0] = share
    first = layers.Dense(4, kernel_initializer=glorot(1))
    fit(keras.Sequential([keras.Input((6,)), first, Damped(), layers.Dense(1, kernel_initializer=glorot(2))]))


def a():
    train(1.0)


def b():
    train(0.5)


EXPECT = {"verdict": "diverged", "stage": ["backward"], "slug": "unknown", "confirmed": False}
