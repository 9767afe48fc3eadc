"""One side batches otherwise."""

from common import fit, model


def a():
    fit(model(), batch_size=8)


def b():
    fit(model(), batch_size=16)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-order"}
