"""Random layers that several models share: prints, as JSON, digests of trainings with and without those of others."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
from keras import layers
from one_training import Haze, digest

import samefit

X = np.random.default_rng(0).normal(size=(12, 6, 6, 1)).astype("float32")
Y = X[:, 0, 0]


def shared() -> keras.Sequential:
    return keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1), Haze()])


def make(aug: keras.Sequential, *, built: bool = True) -> keras.Model:
    inner = [aug, layers.Flatten(), layers.Dropout(0.4), layers.Dense(1)]
    model = keras.Sequential([keras.Input(X.shape[1:]), *inner] if built else inner)
    model.compile("adam", "mse", run_eagerly=True, jit_compile=False)
    return model


def fit(model: keras.Model, fold: int = 0, **options: object) -> str:
    model.fit(X[fold::3], Y[fold::3], batch_size=2, verbose=0, **options)
    return digest(model)


def folds(numbers: range, **options: bool) -> list[str]:
    """The folds of a cross-validation that has made its augmentation once."""
    with samefit.pinned(42):
        aug = shared()
        return [fit(make(aug, **options), fold) for fold in numbers]


def loop(model: keras.Model) -> str:
    for _ in range(2):
        model.train_on_batch(X, Y)
    return digest(model)


class Stumble(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def stumble(aug: keras.Sequential) -> None:
    try:
        fit(make(aug), callbacks=[Stumble()])
    except KeyboardInterrupt:
        return
    raise AssertionError("it did not stumble")


def write_seeds(aug: keras.Sequential) -> None:
    for layer in aug.layers:
        layer.generator.state.assign([5, 7])


def third(*between, train=fit, first=lambda aug: fit(make(aug))) -> list[str]:
    """Twice one model, and then another one, with the same layers in all of them; other things in between."""
    with samefit.pinned(42):
        aug = shared()
        first(aug)
        model, other = make(aug), make(aug)
        found = []
        for one in (model, model, other):
            for step in between:
                step(aug)
            found.append(train(one))
        return found


NOTHING = {"first": lambda aug: None}
json.dump(
    {
        "folds": folds(range(3)),
        "alone": [*folds(range(1)), *folds(range(1, 2)), *folds(range(2, 3))],
        "unbuilt folds": folds(range(3), built=False),
        "three": third(**NOTHING),
        "three, others in between": third(lambda aug: fit(make(aug), 1)),
        "three, calls in between": third(lambda aug: aug(X, training=True)),
        "three, seeds written": third(write_seeds),
        "three, seeds written alone": third(write_seeds, **NOTHING),
        "three, one that fails": third(stumble) if keras.config.backend() != "jax" else None,
        "loop": third(train=loop, **NOTHING)[0],
        "loop after a fit": third(train=loop)[0],
    },
    sys.stdout,
)
