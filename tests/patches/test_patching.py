"""Patches are put back, and what outlives them passes through."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import types
from collections.abc import Callable

import pytest

from samefit.patches.patching import Patches


def louder(original: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(original)
    def replaced(number: int) -> int:
        return 100 + original(number)

    return replaced


def test_a_foreign_wrapper_keeps_working_and_is_named() -> None:
    module = types.SimpleNamespace(double=lambda number: 2 * number, triple=lambda number: 3 * number)
    triple = module.triple
    patches = Patches(passing=True)
    for name in ("double", "double", "triple"):
        patches.replace(module, name, louder, checked_on="this")
    ours = module.double
    module.double = foreign = lambda number: -ours(number)
    assert (module.double(1), module.triple(1)) == (-202, 103)
    with pytest.warns(RuntimeWarning, match=r"\.double: replaced by other code") as warned:
        patches.undo()
    assert len(warned) == 1
    assert str(warned[0].message).count(".double") == 1
    assert module.double is foreign
    assert (module.double(1), module.triple) == (-2, triple)


SCRIPT = """
import keras, numpy as np, samefit, warnings

x = np.ones((8, 4), "float32")
owner = next(cls for cls in keras.Model.__mro__ if "fit" in vars(cls))
logged = []

def train():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), verbose=0)
    return model

def log(cls):
    found = cls.fit

    def fit(self, *args, **kwargs):
        logged.append(cls.__name__)
        return found(self, *args, **kwargs)

    cls.fit = fit

with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always", RuntimeWarning)
    with samefit.pinned(1):
        log(owner)
        log(keras.Model)
        inside = train()
said = [str(one.message) for one in warned if "replaced by other code" in str(one.message)]
assert len(said) == 1 and owner.__name__ + ".fit" in said[0], said
inside.fit(x, x[:, :1], verbose=0)
train()
assert logged == ["Model", owner.__name__] * 3, logged
keras.utils.set_random_seed(5)
train()
drawn = np.random.random()
keras.utils.set_random_seed(5)
train()
assert np.random.random() == drawn
"""


def test_a_library_that_wraps_fit_inside_of_a_pinned_scope(backends: tuple[str, ...]) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backends[0], "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
