"""Generators without a seed, and entropy of the operating system, in a pinned scope; prints what it found as JSON."""

from __future__ import annotations

import importlib
import json
import os
import random
import secrets
import sys
import tempfile
import uuid
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.random import default_rng

import samefit

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
FOUND: dict[str, object] = {"backend": keras.config.backend()}
folder = tempfile.mkdtemp()
(Path(folder) / "site-packages").mkdir()
(Path(folder) / "site-packages" / "somelibrary.py").write_text("import os\n\ndef name():\n    return os.urandom(4)\n")
sys.path.insert(0, str(Path(folder) / "site-packages"))
library = importlib.import_module("somelibrary")

MAKE = {
    "default_rng": lambda: np.random.default_rng().random(),
    "by name": lambda: default_rng().random(),
    "RandomState": lambda: np.random.RandomState().random_sample(),
    "PCG64": lambda: np.random.Generator(np.random.PCG64()).random(),
    "Random": lambda: random.Random().random(),
    "random.seed": lambda: (random.seed(), random.random())[1],
    "numpy.random.seed": lambda: (np.random.seed(), np.random.random())[1],
}


def twice(make, seed: int = 3) -> list[float]:
    with samefit.pinned(seed) as scope:
        values = [make(), make()]
    assert scope.report.limits == [], scope.report.limits
    return values


for name, make in MAKE.items():
    first = twice(make)
    FOUND[name] = first == twice(make) and first[0] != first[1] and first != twice(make, 4)


def moved(draw) -> bool:
    with samefit.pinned(3):
        alone = random.random()
    with samefit.pinned(3):
        draw()
        return random.random() != alone


class Holder:
    seed = 4

    def make(self):
        return np.random.RandomState(self.seed)


FOUND["seeded ones move nothing"] = not any(
    map(
        moved,
        (
            lambda: np.random.RandomState(5),
            lambda: np.random.RandomState(seed=5),
            lambda: np.random.PCG64(5),
            lambda: np.random.default_rng(5),
            lambda: random.Random(5),
            lambda: Holder().make(),
            tempfile.mktemp,
            uuid.uuid4,
        ),
    )
)


def said(take) -> list[list[str]]:
    with samefit.pinned(3) as scope:
        take()
        take()
    return [[limit.kind, limit.location.code] for limit in scope.report.limits]


def by_library() -> None:
    library.name()  # in a library


FOUND["said"] = {
    "urandom": said(lambda: os.urandom(4)),
    "SystemRandom": said(lambda: random.SystemRandom().random()),
    "secrets": said(lambda: secrets.randbits(4)),
    "library": said(by_library),
}
FOUND["not said"] = {
    "uuid": said(uuid.uuid4),
    "tempfile": said(lambda: tempfile.TemporaryDirectory().cleanup()),
    "token": said(lambda: secrets.token_hex(4)),
    "seeded": said(lambda: np.random.RandomState(5)),
    "unseeded": said(np.random.default_rng),
}
with samefit.pinned(3) as scope:
    model = keras.Sequential([layers.Dropout(0.5), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(X, X[:, :1], verbose=0)
FOUND["not said"]["training"] = [limit.kind for limit in scope.report.limits]


# In an initialiser: a place in the data flow, as any other that draws.
def own(shape, dtype=None):
    return np.random.default_rng().normal(size=shape).astype(dtype)


def weights(draws: int) -> list[np.ndarray]:
    with samefit.pinned(3):
        for _ in range(draws):
            np.random.default_rng(), random.random()
        parts = [layers.Dense(4, kernel_initializer=own) for _ in range(2)]
        return [kernel.copy() for kernel in keras.Sequential([keras.Input((4,)), *parts]).get_weights()[::2]]


one, other = weights(0), weights(3)
FOUND["initialiser"] = bool(np.array_equal(one, other) and np.any(one[0] != one[1]))


# In the batches of a `PyDataset`: a function of seed, training, epoch and batch.
class Noisy(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        rows = X[4 * index : 4 * index + 4]
        return rows + np.random.default_rng().normal(size=rows.shape).astype("float32"), rows[:, :1]


def losses(draws: int) -> list[float]:
    with samefit.pinned(3):
        for _ in range(draws):
            np.random.default_rng()
        model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        return model.fit(Noisy(), epochs=2, verbose=0).history["loss"]


FOUND["batches"] = losses(0) == losses(2)
random.seed(4)
before = random.random()
random.seed(4)
FOUND["put back"] = random.random() == before and random.Random().random() != random.Random().random()
hooks = (random.Random.seed, random.seed, os.urandom, random._urandom, np.random.bit_generator.randbits)
FOUND["patches are gone"] = not any("patch" in repr(hook) or hasattr(hook, "__wrapped__") for hook in hooks)

json.dump(FOUND, sys.stdout)
