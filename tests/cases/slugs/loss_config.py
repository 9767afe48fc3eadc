"""Another loss."""

from common import fit, model


def a():
    fit(model(), loss="mse")


def b():
    fit(model(), loss="mae")


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "loss-config"}
