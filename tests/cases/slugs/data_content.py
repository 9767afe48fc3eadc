"""One side scales its data with the statistics of other samples."""

from common import data, fit, model


def a():
    x, y = data()
    fit(model(), (x - x.mean(0)) / x.std(0), y)


def b():
    x, y = data()
    fit(model(), (x - x[:24].mean(0)) / x[:24].std(0), y)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-content"}
