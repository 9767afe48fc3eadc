"""Telling cheaply whether a generator has moved: its memory is compared, and its state is read only if that differs.

To read a Mersenne Twister costs ten to forty microseconds, to compare its 2500 bytes less than one; at two reads
a step that was a third of what recording a small model cost.
"""

from __future__ import annotations

import ctypes
import random
import struct
import sys
from collections.abc import Callable
from typing import Any

_WORDS = 624


def _instance_bytes(generator: random.Random) -> bytes:
    # CPython's RandomObject: the object's header, then an int (the position), then the words.
    return ctypes.string_at(id(generator) + object.__basicsize__, 4 + 4 * _WORDS)


def _is_readable(generator: random.Random) -> bool:
    """Whether the memory of `generator` is laid out as this module expects."""
    if type(generator).__basicsize__ < object.__basicsize__ + 4 + 4 * _WORDS:
        return False
    words = generator.getstate()[1]
    return _instance_bytes(generator) == struct.pack(f"i{_WORDS}I", words[-1], *words[:-1])


def python_key(generator: random.Random) -> Callable[[], Any] | None:
    """Returns a function whose results are equal as long as `generator` has not moved; None if that cannot be had."""
    if sys.implementation.name != "cpython" or not _is_readable(generator):
        return None
    return lambda: (_instance_bytes(generator), generator.gauss_next)  # type: ignore[attr-defined]


class NumpyKey:
    """Calls of it are equal as long as NumPy's legacy global generator does not move; None if that cannot be told.

    A normal number that NumPy holds back for the next call is used up without a move of the words: while there is one,
    no two results are equal.
    """

    def __init__(self) -> None:
        self._known: tuple[Any, bytes] | None = None

    def __call__(self) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is None or not hasattr(numpy, "random"):
            return None
        bits = numpy.random.mtrand._rand._bit_generator
        if type(bits).__name__ != "MT19937":
            return None
        key = (id(bits), ctypes.string_at(bits.ctypes.state_address, 4 * _WORDS + 4))
        if key != self._known:
            holds_back = numpy.random.get_state()[3]
            self._known = None if holds_back else key
        return self._known


class InnerKey:
    """Calls of it are equal as long as a generator of Python's, which may be replaced, does not move.

    Args:
        find: Returns the generator, or None where there is none: then, and where its memory cannot be read, a call
            returns None.
    """

    def __init__(self, find: Callable[[], random.Random | None]) -> None:
        self._find = find
        self._known: random.Random | None = None
        self._key: Callable[[], Any] | None = None

    def __call__(self) -> Any:
        generator = self._find()
        if generator is None:
            return None
        if generator is not self._known:
            self._known, self._key = generator, python_key(generator)
        return (id(generator), self._key()) if self._key is not None else None
