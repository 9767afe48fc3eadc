"""Keras's random layers in a `tf.data` pipeline, as in Keras's guide to image classification; prints what came out."""

from __future__ import annotations

import hashlib
import json
import random
import sys

import keras
import numpy as np

import samefit

X = np.linspace(0, 1, 240 * 6 * 6 * 3, dtype="float32").reshape(240, 6, 6, 3)
Y = np.linspace(0, 1, 240, dtype="float32")[:, None] ** 2


def pipeline(layer, **options):
    import tensorflow as tf  # not before the scope: it is switched when it comes

    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(4)
    return data.map(lambda x, y: (layer(x, training=True), y), **options)


def epochs(data) -> list[str]:
    """Digests of what two passes over a dataset deliver."""
    return [
        hashlib.blake2b(b"".join(x.numpy().tobytes() for x, _ in data), digest_size=8).hexdigest() for _ in range(2)
    ]


def trained(layer, **options):
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    losses = model.fit(pipeline(layer, **options), epochs=2, verbose=0).history["loss"]
    return [float(loss).hex() for loss in losses]


LAYERS = {
    "flip": lambda: keras.layers.RandomFlip(),
    "crop": lambda: keras.layers.RandomCrop(4, 4),
    "seeded": lambda: keras.layers.RandomCrop(4, 4, seed=7),
}
outside, outside_seeded = keras.layers.RandomCrop(4, 4), keras.layers.RandomCrop(4, 4, seed=8)
found = {}
with samefit.pinned(42) as scope:
    for name, make in LAYERS.items():
        found[name] = epochs(pipeline(make()))
        found[f"{name}, in parallel"] = epochs(pipeline(make(), num_parallel_calls=8))
        found[f"{name}, fit"] = trained(make())
        found[f"{name}, fit, in parallel"] = trained(make(), num_parallel_calls=8)
    epochs(pipeline(outside_seeded))
    limits = [limit.kind for limit in scope.report.limits]
for draws in (0, 3):
    with samefit.pinned(42):
        # What Python's generator gave to others is not to move what a layer draws.
        [random.random() for _ in range(draws)]
        found[f"after {draws} draws"] = epochs(pipeline(keras.layers.RandomCrop(4, 4)))
with samefit.pinned(42) as scope:
    epochs(pipeline(outside))
    outside_limits = [(limit.kind, limit.text) for limit in scope.report.limits]
json.dump({"found": found, "limits": limits, "outside": outside_limits}, sys.stdout)
