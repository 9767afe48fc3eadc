"""Seeding every process-wide generator at once, and a framework that is imported later as if it had been there.

`keras.utils.set_random_seed` imports TensorFlow wherever it is installed, to seed it (keras/src/utils/rng_utils.py of
Keras 3.12 to 3.15, and 3.16 in development): seconds that a training on JAX or PyTorch does not need.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
from collections.abc import Iterator
from types import SimpleNamespace

from samefit import backends
from samefit.patches import keras_seed
from samefit.patches.imports import announced
from samefit.patches.pinning import instance_attribute

LATE = ("tensorflow", "torch")
"""Frameworks with a process-wide generator of their own, which Keras may do without."""

_latest: list[int] = []
"""The seed that was set last inside of `frameworks_follow`, of the innermost scope last."""


def seed_keras(seed: int) -> None:
    """Does what `keras.utils.set_random_seed` of Keras 3.13 and later does, but imports nothing.

    Args:
        seed: As Keras takes it.
    """
    import keras

    with contextlib.ExitStack() as stack:
        if "tensorflow" not in sys.modules:
            module = importlib.import_module("keras.src.utils.rng_utils")
            stack.enter_context(instance_attribute(module, "tf", SimpleNamespace(available=False)))
        keras.utils.set_random_seed(seed)
    # Keras 3.12 keeps the global one, which goes on from its seed of before.
    keras_seed.drop_generator()
    if _latest:
        _latest[-1] = seed


@contextlib.contextmanager
def frameworks_follow(seed: int) -> Iterator[None]:
    """Within, a framework that is imported gets the seed that was set last, as if it had been there.

    Args:
        seed: The seed until `seed_keras` sets another one.
    """
    absent = [name for name in LATE if name not in sys.modules]
    _latest.append(seed)
    try:
        with announced({name: functools.partial(_seed_late, name) for name in absent}):
            yield
    finally:
        _latest.pop()
        for name in absent:
            if _latest and name in sys.modules:
                # For the scope around this one, too, it is as if it had been there.
                _seed_late(name)


def _seed_late(name: str) -> None:
    backends.load(name).seed(_latest[-1])
