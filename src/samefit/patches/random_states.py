"""Watching NumPy's `RandomState` where libraries take one: of a seed, or the process's own where they were given none.

Checked on NumPy 1.26 to 2.4. scikit-learn's and SciPy's `check_random_state(None)` take `numpy.random.mtrand._rand` and
draw from it below all functions that can be watched. Of a `RandomState` that is made, the seed is read where NumPy
takes entropy for it, so that the class stands as it is in a run that is recorded; only a re-run replaces it.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from samefit.patches.patching import Patches

_NUMPY = "NumPy 1.26 to 2.4"


class StateObserver(Protocol):
    """What a ledger does with what is seen here."""

    @property
    def get_other_seeds(self) -> bool:
        """Whether a re-run gives the other side's seed somewhere, or what it takes in place of one."""

    def making(self, frame: FrameType, seed: int | None) -> int | None:
        """A frame makes a `RandomState` with a seed, or without; returns the one to use."""

    def take_shared(self, frame: FrameType, shared: Any, make: Callable[[int], Any]) -> Any:
        """A frame asks for the process's generator; `make(seed)` makes another one. Returns what it gets."""


def watch_random_states(patches: Patches, observer: StateObserver) -> None:
    """Tells of whom the process's generator is handed to; in a re-run, gives other seeds."""
    module = importlib.import_module("numpy.random.mtrand")
    patches.change_class(module, functools.partial(_with_property, observer))
    if observer.get_other_seeds:
        numpy_random = importlib.import_module("numpy.random")
        patches.replace(numpy_random, "RandomState", functools.partial(_stand, observer), checked_on=_NUMPY)


def _with_property(observer: StateObserver, original: type) -> type:
    def get(module: Any) -> Any:
        shared = vars(module)["_rand"]
        return observer.take_shared(sys._getframe(1), shared, type(shared))

    def put(module: Any, shared: Any) -> None:
        # A user who gives the process another generator gives it to the libraries.
        vars(module)["_rand"] = shared

    def reduce(module: Any) -> tuple[Any, ...]:
        # cloudpickle, which joblib sends functions by, knows modules by their class itself.
        return importlib.import_module, (module.__name__,)

    return type("module", (original,), {"_rand": property(get, put), "__reduce__": reduce})


def _stand(observer: StateObserver, original: Any) -> Any:
    """Returns a class that makes objects of `original`, with other seeds; it takes the same objects for its own."""

    def make(seed: Any = None) -> Any:
        frame = sys._getframe(2)
        if seed is None:
            used = observer.making(frame, None)
            return original() if used is None else _of_seed(original, used)
        return original(observer.making(frame, seed) if isinstance(seed, int) else seed)

    class Standing(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            # A class of the user's takes what it likes.
            return make(*args, **kwargs) if cls is stand else super().__call__(*args, **kwargs)

        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, original) if cls is stand else super().__instancecheck__(instance)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, original) if cls is stand else super().__subclasscheck__(subclass)

    names = {"__slots__": (), "__module__": original.__module__, "__doc__": original.__doc__}
    stand: type = Standing(original.__name__, (original,), names)
    return stand


def _of_seed(original: Any, seed: int) -> Any:
    """Returns what `original(seed)` does; that would take entropy first, which would look like the line's own."""
    state = original(importlib.import_module("numpy.random").MT19937(0))
    state.seed(seed)
    return state
