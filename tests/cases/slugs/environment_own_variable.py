"""The script reads a variable of its own, which one side does not set."""

import os

from common import data, fit, model


def a():
    x, y = data()
    fit(model(), x * float(os.environ.get("DATA_SCALE", "1")), y)


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["data"],
    "slug": "environment",
    "isolated": True,
    "env_b": {"DATA_SCALE": "1.5"},
}
