"""The seeds that Keras draws for whatever was given none. Checked on Keras 3.12 to 3.15.1, and 3.16 in development.

`make_default_seed` takes them from Python's generator, one for each initialiser and `SeedGenerator` without a seed:
with a layer more, used or not, `random.sample` gives a script something else.
"""

from __future__ import annotations

import functools
import importlib
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from samefit.patches.patching import Patches

_CHECKED = "Keras 3.12 to 3.15.1"


class DefaultSeeds:
    """Stands in for the module `random` where Keras draws default seeds: a generator for them alone.

    Keras's global `SeedGenerator` is made by the first draw from it, whenever that is; its seed does not depend on how
    many others were drawn before.
    """

    def __init__(self) -> None:
        self._many = random.Random(0)
        self._global = random.Random(0)
        self._drawing = self._many

    def randint(self, low: int, high: int) -> int:
        """Draws, as `random.randint` does."""
        return self._drawing.randint(low, high)

    def seed(self, seed: int) -> None:
        """Seeds it, as `random.seed` does."""
        self._many.seed(seed)
        self._global.seed(seed)

    def getstate(self) -> tuple[Any, ...]:
        """Returns where it stands."""
        return self._many.getstate(), self._global.getstate()

    def setstate(self, state: tuple[Any, ...]) -> None:
        """Puts it to where `getstate` found it."""
        many, its_global = state
        self._many.setstate(many)
        self._global.setstate(its_global)

    def for_the_global_one(self, make: Callable[[], Any]) -> Any:
        """Calls `make`, which makes the global `SeedGenerator` if there is none."""
        self._drawing = self._global
        try:
            return make()
        finally:
            self._drawing = self._many


def draw_apart(patches: Patches) -> None:
    """Lets Keras draw default seeds from a generator of their own, which `keras.utils.set_random_seed` seeds, too.

    What draws is replaced, and not `make_default_seed`, which a recorder watches.
    """
    seeds = importlib.import_module("keras.src.random.seed_generator")
    utilities = importlib.import_module("keras.src.utils.rng_utils")
    own = DefaultSeeds()

    def seed(value: int) -> None:
        random.seed(value)
        own.seed(value)

    def make_global(original: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(original)
        def global_seed_generator() -> Any:
            return own.for_the_global_one(original)

        return global_seed_generator

    patches.replace(seeds, "python_random", lambda _: own, checked_on=_CHECKED)
    patches.replace(seeds, "global_seed_generator", make_global, checked_on=_CHECKED)
    patches.replace(utilities, "random", lambda _: SimpleNamespace(seed=seed), checked_on=_CHECKED)


def default_seeds() -> Any:
    """Returns what Keras draws default seeds from: a `DefaultSeeds` inside of a scope, or the module `random`."""
    return importlib.import_module("keras.src.random.seed_generator").python_random


def draws_from_python() -> bool:
    """Says whether Keras draws default seeds from Python's generator, as it does outside of a pinned scope."""
    return default_seeds() is random
