"""Trainings on batches that another model computes; and two whose batches are not the same on two backends."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import samefit

Array = np.ndarray[Any, Any]
RNG = np.random.Generator(np.random.PCG64(0))
X = RNG.normal(size=(128, 16)).astype("float32")
Y = RNG.integers(0, 3, 128)


def _codes() -> Array:
    encoder = keras.Sequential([keras.Input((16,)), layers.Dense(32, activation="tanh"), layers.Dense(4)])
    return encoder.predict(X, verbose=0)


def _head(features: Array, targets: Array) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(features, targets, batch_size=32, epochs=2, verbose=0)


def adversarial() -> None:
    """Two models that share layers are trained in turn, one of them on what the other gives."""
    with samefit.pinned(1):
        generator = keras.Sequential([keras.Input((8,)), layers.Dense(32, activation="relu"), layers.Dense(16)])
        judge = keras.Sequential([keras.Input((16,)), layers.Dense(32, activation="relu"), layers.Dense(1)])
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        judge.compile("adam", loss)
        judge.trainable = False
        both = keras.Sequential([keras.Input((8,)), generator, judge])
        both.compile("adam", loss)
        truth = np.concatenate([np.ones((16, 1)), np.zeros((16, 1))]).astype("float32")
        for step in range(5):
            noise = RNG.normal(size=(16, 8)).astype("float32")
            given = np.concatenate([X[16 * step :][:16], generator.predict(noise, verbose=0)])
            judge.train_on_batch(given, truth)
            both.train_on_batch(noise, truth[:16])


def codes() -> None:
    """The codes of one model are given to a second one."""
    with samefit.pinned(1):
        _head(_codes(), Y)


def scaled() -> None:
    """On one backend they are scaled by a thousandth more."""
    with samefit.pinned(1):
        _head(_codes() * (1.0 if keras.backend.backend() == "jax" else 1.001), Y)


def reordered() -> None:
    """On one backend they come in another order."""
    with samefit.pinned(1):
        order = np.arange(128) if keras.backend.backend() == "jax" else np.arange(128)[::-1]
        _head(_codes()[order], Y[order])
