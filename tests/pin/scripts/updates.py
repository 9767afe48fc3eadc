"""Compiles a step anew, often: prints how often its gradients were those of the weights before the step, as JSON."""

from __future__ import annotations

import json
import sys
from collections import Counter

import keras
import numpy as np

import samefit

x, y = np.random.Generator(np.random.PCG64(0)).normal(size=(2, 64, 8)).astype("float32")
first, second = np.random.Generator(np.random.PCG64(1)).normal(size=(2, 8, 8)).astype("float32")
expected = first - x.T @ (y @ second.T)
found: Counter[bool] = Counter()
with samefit.pinned(7):
    for _ in range(30):
        layers = [keras.Input((8,)), keras.layers.Dense(8, use_bias=False), keras.layers.Dense(8, use_bias=False)]
        model = keras.Sequential(layers)
        model.set_weights([first, second])
        model.compile(keras.optimizers.SGD(1.0), lambda y, p: keras.ops.sum(y * p), jit_compile=False)
        model.train_on_batch(x, y)
        found[bool(np.allclose(model.get_weights()[0], expected, rtol=1e-3, atol=1e-2))] += 1

    # Gradients of an embedding are sparse.
    sparse = keras.Sequential([keras.Input((3,)), keras.layers.Embedding(5, 4), keras.layers.Dense(2)])
    sparse.compile("sgd", "mse", jit_compile=False)
    loss = sparse.train_on_batch(np.array([[0, 1, 2], [2, 3, 4]]), np.ones((2, 3, 2), "float32"))
sys.stdout.write(json.dumps({"right": found[True], "wrong": found[False], "sparse": float(loss)}) + "\n")
