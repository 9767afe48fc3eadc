"""Models that start alike, however they come to be built; prints the kinds that are said as JSON."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
from keras import layers

import samefit

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
FOUND: dict[str, object] = {"backend": keras.config.backend()}


class Net(keras.Model):
    def __init__(self, units: int = 3) -> None:
        super().__init__()
        self.dense, self.head, self.unused = layers.Dense(units), layers.Dense(1), layers.Dense(7)

    def call(self, x):
        return self.head(self.dense(x))


def deferred(units: int = 3) -> keras.Model:
    return keras.Sequential([layers.Dense(units), layers.Dense(1)])


def built(units: int = 3) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(units), layers.Dense(1)])


def said(*models, by_batch: bool = False) -> list[str]:
    with samefit.pinned(3) as scope:
        for make, units in models:
            model = make(units)
            model.compile("sgd", "mse", jit_compile=False)
            if by_batch:
                model.train_on_batch(X, X[:, :1])
            else:
                model.fit(X, X[:, :1], verbose=0)
                model.fit(X, X[:, :1], verbose=0)  # one model twice is not two
    return [limit.kind for limit in scope.report.limits]


FOUND["deferred"] = said((deferred, 3), (deferred, 3), (deferred, 3))
FOUND["subclassed"] = said((Net, 3), (Net, 3))
FOUND["in two ways"] = said((deferred, 3), (built, 3))
FOUND["by batch"] = said((deferred, 3), (Net, 3), by_batch=True)
FOUND["others"] = said((deferred, 3), (Net, 4), (built, 5))
FOUND["others by batch"] = said((deferred, 3), (Net, 4), by_batch=True)

json.dump(FOUND, sys.stdout)
