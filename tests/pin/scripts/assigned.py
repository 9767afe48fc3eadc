"""What the user assigns is no value of samefit's, also where it was there already; prints what it found as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np
from keras import layers

import samefit

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
FOUND: dict[str, object] = {"backend": keras.config.backend()}


def net() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3, use_bias=False)])


class Pair(keras.Model):
    """Around a network and its average, as a diffusion model or a mean teacher is; it has no `call`."""

    def __init__(self, network: keras.Model, average: keras.Model) -> None:
        super().__init__()
        self.first = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
        self.network, self.average = network, average
        self.built = True

    def train_step(self, *args):  # one that moves nothing: of the state on JAX, of the data elsewhere
        return ({"loss": 0.0}, args[0]) if keras.config.backend() == "jax" else {"loss": 0.0}


def fitted(average_of) -> tuple[np.ndarray, np.ndarray]:
    network, average = net(), net()
    average_of(network, average)
    pair = Pair(network, average)
    pair.compile("sgd", jit_compile=False)
    pair.fit(X, X, batch_size=16, verbose=0)
    return network.get_weights()[0], average.get_weights()[0]


def by_set_weights(network, average) -> None:
    average.set_weights(network.get_weights())


def by_assign(network, average) -> None:
    average.weights[0].assign(network.weights[0])


def by_assign_add(network, average) -> None:
    average.weights[0].assign_add(np.zeros((4, 3)))


def by_file(network, average) -> None:
    with tempfile.TemporaryDirectory() as folder:
        network.save_weights(Path(folder) / "it.weights.h5")
        average.load_weights(Path(folder) / "it.weights.h5")


def by_predicting(network, average) -> None:
    average.predict(X, verbose=0)
    average(X)


def not_at_all(network, average) -> None:
    pass


with samefit.pinned(3):
    alone = net().get_weights()[0]
    for assign in (by_set_weights, by_assign, by_assign_add, by_file):
        # In the model around both, the network gets other values; the average stays equal to it.
        network, average = fitted(assign)
        FOUND[assign.__name__] = bool(np.array_equal(average, network) and np.any(network != alone))
    # What nobody assigned is numbered in the model around it, and differs from its twin there.
    network, average = fitted(not_at_all)
    FOUND["not assigned"] = bool(np.any(network != average))
    FOUND["predicting assigns nothing"] = bool(np.array_equal(fitted(by_predicting)[1], average))

    # A model that was loaded starts as it was saved.
    with tempfile.TemporaryDirectory() as folder:
        first = net()
        first.save(Path(folder) / "it.keras")
        loaded = keras.models.load_model(Path(folder) / "it.keras")
    keras.Sequential([keras.Input((4,)), layers.Dense(4), loaded])
    FOUND["loaded"] = bool(np.array_equal(loaded.get_weights()[0], alone))

    # Two models that start from what the user gave them are no equal models.
    with samefit.pinned(4) as scope:
        for _ in range(2):
            given = net()
            given.set_weights([np.full((4, 3), 0.5)])
            given.compile("sgd", "mse", jit_compile=False)
            given.fit(X, X[:, :3], verbose=0)
    FOUND["limits of given ones"] = [limit.kind for limit in scope.report.limits]

json.dump(FOUND, sys.stdout)
