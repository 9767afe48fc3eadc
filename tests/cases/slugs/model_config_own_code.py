"""A custom layer that multiplies by something outside of everything that is recorded."""

from common import fit, keras, layers

SCALE = [1.0]


class Scaled(layers.Layer):
    def call(self, x):
        return x * SCALE[0]


def train(scale):
    SCALE[0] = scale
    fit(keras.Sequential([keras.Input((6,)), Scaled(), layers.Dense(1, kernel_initializer="ones")]))


def a():
    train(1.0)


def b():
    train(1.5)


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config", "confirmed": False}
