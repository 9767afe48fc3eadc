"""The values of unseeded generators in a pinned scope around a recorder, and in one inside of it; printed as JSON."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import samefit

X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")


def values(*around) -> list[float]:
    with contextlib.ExitStack() as stack:
        for one in around:
            stack.enter_context(one)
        drawn = [np.random.default_rng().random(), np.random.RandomState().random_sample(), random.Random().random()]
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=False)
        model.fit(X, X[:, :1], verbose=0)
        return drawn


with tempfile.TemporaryDirectory() as folder:
    found = {
        "alone": values(samefit.pinned(3)),
        "recorder around": values(samefit.Recorder(Path(folder) / "a.run"), samefit.pinned(3)),
        "recorder within": values(samefit.pinned(3), samefit.Recorder(Path(folder) / "b.run")),
    }
json.dump(found, sys.stdout)
