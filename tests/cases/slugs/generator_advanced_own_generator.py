"""A generator at the top of the script, with its seed, gives the second training other batches."""

import numpy as np
from common import data, keras, model

RNG = np.random.default_rng(0)


def batches(x, y):
    while True:
        rows = RNG.integers(0, len(x), 8)
        yield x[rows], y[rows]


def a():
    x, y = data()
    built = model()
    built.compile(keras.optimizers.SGD(0.1), "mse")
    built.fit(batches(x, y), steps_per_epoch=4, epochs=2, verbose=0)


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["data"],
    "slug": "generator-advanced",
    "backends": ["tensorflow", "torch"],
}
