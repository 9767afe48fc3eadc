"""What a `PyDataset` draws from while several workers read it: prints what the report says of it, and what came out."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import warnings

import keras
import numpy as np

import samefit

warnings.filterwarnings("ignore", message=".*fork.*")
X = np.arange(48, dtype="float32")[:, None]


class Drawing(keras.utils.PyDataset):
    """Adds noise to its batches."""

    def __init__(self, noise, **options):
        super().__init__(**options)
        self.noise = noise

    def __len__(self):
        return 12

    def __getitem__(self, index):
        x = X[4 * index : 4 * index + 4]
        return x + np.asarray(self.noise(index), "float32"), x


class Values(keras.Model):
    """Notes the batches of each step."""

    def __init__(self):
        super().__init__()
        self.dense = keras.layers.Dense(1)
        self.seen: list[str] = []

    def call(self, x):
        return self.dense(x)

    def train_step(self, *args):
        batch = keras.ops.convert_to_numpy(args[-1][0])
        self.seen.append(hashlib.blake2b(batch.tobytes(), digest_size=4).hexdigest())
        return super().train_step(*args)


def train(noise, **options):
    model = Values()
    model.compile("sgd", "mse", run_eagerly=True, jit_compile=False)
    model.fit(Drawing(noise, **options), epochs=2, verbose=0)
    return model.seen


def by_keras(index):
    return keras.ops.convert_to_numpy(keras.random.normal((4, 1)))


generator = keras.random.SeedGenerator(1)


def by_generator(index):
    return keras.ops.convert_to_numpy(keras.random.normal((4, 1), seed=generator))


def by_own(index):
    seed = keras.random.SeedGenerator(index)
    noise = keras.random.normal((4, 1), seed=seed) + keras.random.normal((4, 1), seed=index)
    return keras.ops.convert_to_numpy(noise) + np.random.default_rng(index).normal(size=(4, 1))


def by_torch(index):
    import torch

    return torch.rand(4, 1).numpy()


def by_torch_generator(index):
    import torch

    return torch.rand(4, 1, generator=torch.Generator().manual_seed(index)).numpy()


def by_tensorflow(index):
    import tensorflow as tf

    return tf.random.uniform((4, 1)).numpy()


def said(noise, **options):
    with samefit.pinned(42) as scope:
        train(noise, **options)
    return [(limit.kind, limit.text) for limit in scope.report.limits]


NOISES = {"keras": by_keras, "generator": by_generator, "own": by_own}
if importlib.util.find_spec("torch"):
    NOISES |= {"torch": by_torch, "torch generator": by_torch_generator}
if importlib.util.find_spec("tensorflow"):
    NOISES["tensorflow"] = by_tensorflow
found = {
    "threads": {name: said(noise, workers=3) for name, noise in NOISES.items()},
    "alone": {name: said(noise) for name, noise in NOISES.items()},
}
if "torch" in NOISES:
    found["processes"] = []
    for _ in range(2):
        with samefit.pinned(42):
            found["processes"].append(train(by_torch, workers=3, use_multiprocessing=True))
json.dump(found, sys.stdout)
