"""Layers of a user's own that architectures are made of."""

from __future__ import annotations

import keras
from keras import layers, ops


class Sampling(layers.Layer):
    """A layer with a seed generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs):
        mean, log = inputs
        return mean + ops.exp(0.5 * log) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


class Scale(layers.Layer):
    """A layer with a random weight of its own."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

    def call(self, x):
        return x * self.scale


class Residual(layers.Layer):
    """A composite layer."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.out, self.drop, self.inner = layers.Dense(units), layers.Dropout(0.2), layers.Dense(units, "relu")

    def call(self, x, training=None):
        return x + self.out(self.drop(self.inner(x), training=training))
