"""Pairs of trainings of which it is known whether they are the same, and why not; all in one process.

`samefit run known_pairs.py` records them in the order of `PAIRS`, two trainings each.
"""

import keras
import numpy as np
from keras import layers

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(48, 6)).astype("float32")
Y = np.tanh(X @ DRAW.normal(size=(6, 1))).astype("float32")


def model(seed=1, dropout=None):
    keras.utils.set_random_seed(5)
    parts = [keras.Input((6,)), layers.Dense(8, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed))]
    if dropout is not None:
        parts.append(layers.Dropout(0.3, seed=dropout))
    return keras.Sequential([*parts, layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(2))])


def fit(built, x=X, y=Y, rate=0.1, loss="mse"):
    built.compile(keras.optimizers.SGD(rate), loss)
    built.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)


def unseeded():
    fit(keras.Sequential([keras.Input((6,)), layers.Dense(1)]))


def evaluated():
    keras.utils.set_random_seed(3)
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.3), layers.Dense(1)])
    built.compile("adam", "mse")
    built.evaluate(X, Y, verbose=0)
    built.fit(X, Y, batch_size=8, epochs=2, verbose=0)


def seeded(unused=False):
    keras.utils.set_random_seed(7)
    if unused:
        layers.Dense(3)
    fit(keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)]))


def with_an_unused_layer():
    seeded(unused=True)


def by_batch():
    built = model()
    built.compile(keras.optimizers.SGD(0.1), "mse")
    for _ in range(2):
        for i in range(0, len(X), 8):
            built.train_on_batch(X[i : i + 8], Y[i : i + 8])


PAIRS = {
    "no seed": (unseeded, unseeded),  # the first: nothing is seeded yet
    "the same": (evaluated, evaluated),
    "an unused layer": (seeded, with_an_unused_layer),
    "learning rate": (lambda: fit(model()), lambda: fit(model(), rate=0.05)),
    "loss": (lambda: fit(model()), lambda: fit(model(), loss="mae")),
    "initial weights": (lambda: fit(model()), lambda: fit(model(9))),
    "dropout": (lambda: fit(model(dropout=1)), lambda: fit(model(dropout=2))),
    "order of the data": (lambda: fit(model()), lambda: fit(model(), X[::-1], Y[::-1])),
    "content of the data": (lambda: fit(model()), lambda: fit(model(), X * 2)),
    "train_on_batch": (lambda: fit(model()), by_batch),
}

# The stage and the cause of each; "" for the same.
EXPECT = {
    "no seed": ("initial_weights", "unseeded"),
    "the same": ("", ""),
    "an unused layer": ("initial_weights", "generator-advanced"),
    "learning rate": ("update", "optimizer-config"),
    "loss": ("forward", "loss-config"),
    "initial weights": ("initial_weights", "different-seed"),
    "dropout": ("randomness", "different-seed"),
    "order of the data": ("data", "data-order"),
    "content of the data": ("data", "data-content"),
    "train_on_batch": ("reporting", "reporting"),
}

if __name__ == "__main__":
    for baseline, candidate in PAIRS.values():
        baseline()
        candidate()
