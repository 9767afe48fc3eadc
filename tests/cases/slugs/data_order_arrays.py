"""The same samples, sorted on one side."""

from common import data, fit, model, np


def a():
    x, y = data()
    fit(model(), x, y)


def b():
    x, y = data()
    order = np.argsort(y[:, 0])
    fit(model(), x[order], y[order])


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-order"}
