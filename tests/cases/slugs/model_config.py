"""Another activation."""

from common import fit, model


def a():
    fit(model("relu"))


def b():
    fit(model("gelu"))


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config"}
