"""Two splits of one data set, each drawn by a generator that has a seed of its own."""

import numpy as np
from common import data, fit, keras, model


def train(seed):
    keras.utils.set_random_seed(4)
    x, y = data()
    rows = np.random.RandomState(seed).permutation(len(x))[:32]
    fit(model(), x[rows], y[rows])


def a():
    train(0)


def b():
    train(1)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-content"}
