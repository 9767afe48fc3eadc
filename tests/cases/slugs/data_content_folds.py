"""Two folds of one data set, each cut at another place."""

import numpy as np
from common import data, fit, keras, model


def train(first):
    keras.utils.set_random_seed(4)
    x, y = data()
    rows = np.roll(np.arange(len(x)), -first)[:32]
    fit(model(), x[rows], y[rows])


def a():
    train(0)


def b():
    train(16)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-content"}
