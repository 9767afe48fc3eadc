"""Draws of layers and models past Keras, outside of a `call`: what is said of them, as JSON."""

from __future__ import annotations

import json
import random
import sys

import keras
import numpy as np
from keras import layers

import samefit

X = np.ones((8, 4), "float32")
FOUND: dict[str, object] = {"backend": keras.config.backend()}


def said(make) -> list[list[str]]:
    with samefit.pinned(3) as scope:
        model = make()
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(X, X[:, :1], verbose=0)
    return [[limit.kind, limit.location.code] for limit in scope.report.limits]


def with_layer(*made: layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), *made, layers.Dense(1)])


class Features(layers.Layer):
    def call(self, x):
        return x @ keras.ops.convert_to_tensor(self.b)


class InBuild(Features):
    def build(self, shape):
        self.b = keras.Variable(np.random.normal(size=(4, 4)).astype("float32"), trainable=False)


class InInit(Features):
    def __init__(self):
        super().__init__()
        self.b = keras.Variable(drawn(), trainable=False)


def drawn():
    return [[random.gauss(0, 1) for _ in range(4)] for _ in range(4)]


def own(shape, dtype=None):
    return np.random.normal(size=shape).astype(dtype)


class ByInitializer(Features):
    def __init__(self):
        super().__init__()
        self.first = self.add_weight(shape=(4, 4), initializer=own)
        self.fixed = keras.Variable(np.eye(4, dtype="float32"), trainable=False)

    def build(self, shape):
        self.b = self.add_weight(shape=(4, 4), initializer=own)


class OfInputs(keras.Model):
    """Its layers get their places while its `__init__` runs."""

    def __init__(self):
        inputs = keras.Input((4,))
        super().__init__(inputs, layers.Dense(1, kernel_initializer=own)(inputs))


class Step(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        return self.dense(x)

    def train_step(self, *args):
        scale = np.random.normal()
        assert scale is not None
        return super().train_step(*args)


FOUND["build"] = said(lambda: with_layer(InBuild()))
FOUND["init"] = said(lambda: with_layer(InInit()))
FOUND["step"] = said(Step)
FOUND["initializer"] = said(lambda: with_layer(ByInitializer()))
FOUND["graph"] = said(OfInputs)

json.dump(FOUND, sys.stdout)
