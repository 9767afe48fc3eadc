"""Where Python and NumPy take entropy of the operating system. Checked on CPython 3.11 to 3.13, NumPy 1.26 to 2.4."""

from __future__ import annotations

import functools
import importlib
import os
import random
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, Protocol

from samefit.patches.patching import Patches

PINS = "samefit_pins"
"""Attribute of the hook in `random.Random.seed`: whoever records comes behind it, and has nothing to record."""

_PYTHON = "CPython 3.11 to 3.13"
_NUMPY = "NumPy 1.26 to 2.4"


class EntropyObserver(Protocol):
    """What pinning does with what is taken."""

    def bits(self, frame: FrameType, number: int) -> int | None:
        """A generator without a seed is made, or seeded anew; returns the bits to use, or None for the system's."""

    def took(self, frame: FrameType, function: str) -> None:
        """A function gives random bits of the operating system to whoever calls it."""


def watch_entropy(patches: Patches, observer: EntropyObserver) -> None:
    """Puts all hooks in place.

    NumPy's generators without a seed take bits by `randbits`, which their module has bound (numpy/random/
    bit_generator.pyx, `SeedSequence`); an object of `random.Random` does in C, if its `seed` is given nothing.
    """
    module = importlib.import_module("numpy.random.bit_generator")
    patches.replace(module, "randbits", functools.partial(_numpy, observer), checked_on=_NUMPY)
    patches.replace(random.Random, "seed", functools.partial(_method, observer), checked_on=_PYTHON)
    patches.replace(random, "seed", functools.partial(_function, observer), checked_on=_PYTHON)
    for owner, name, label in ((os, "urandom", "os.urandom"), (random, "_urandom", "random.SystemRandom")):
        patches.replace(owner, name, functools.partial(_system, observer, label), checked_on=_PYTHON)


def is_of_numpy(code: CodeType) -> bool:
    """Says whether a function is the hook by which NumPy takes its bits."""
    return code.co_filename == __file__ and code.co_name == "randbits"


def _numpy(observer: EntropyObserver, original: Callable[[int], int]) -> Callable[[int], int]:
    @functools.wraps(original)
    def randbits(k: int) -> int:
        bits = observer.bits(sys._getframe(1), k)
        return original(k) if bits is None else bits

    return randbits


def _method(observer: EntropyObserver, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def seed(self: random.Random, a: Any = None, version: int = 2) -> None:
        original(self, observer.bits(sys._getframe(1), 128) if a is None else a, version)

    setattr(seed, PINS, True)
    return seed


def _function(observer: EntropyObserver, original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def seed(a: Any = None, version: int = 2) -> None:
        original(observer.bits(sys._getframe(1), 128) if a is None else a, version)

    return seed


def _system(observer: EntropyObserver, label: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def urandom(*args: Any) -> Any:
        observer.took(sys._getframe(1), label)
        return original(*args)

    return urandom
