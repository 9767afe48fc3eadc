"""Telling cheaply whether a generator has moved: a few words of its memory, and its state only if they differ.

To read a Mersenne Twister costs ten to forty microseconds. To compare its 2500 bytes costs less than one where they are
at hand; a training step has put other things into the cache, and it costs ten again. At two looks a step that was a
fifth of what recording a small model cost.
"""

from __future__ import annotations

import ctypes
import functools
import operator
import random
import struct
import sys
import types
from collections.abc import Callable
from typing import Any

_WORDS = 624

_LOOKED_AT = 4 + 4 * 15
"""Bytes that are compared: the position, and fifteen words beside it.

A draw moves the position. When the words are used up, all of them are replaced at once; so they are by a seed. There is
no state that a generator comes to with another position or other words, and these bytes the same.
"""


def _memory(address: int, size: int) -> Any:
    """Returns what gives, as `raw`, the bytes that lie at an address now; it holds nothing that lies there."""
    return (ctypes.c_char * size).from_address(address)


def _instance_memory(generator: random.Random, size: int) -> Any:
    # CPython's RandomObject: the object's header, then an int (the position), then the words.
    return _memory(id(generator) + object.__basicsize__, size)


def _is_readable(generator: random.Random) -> bool:
    """Whether the memory of `generator` is laid out as this module expects."""
    if type(generator).__basicsize__ < object.__basicsize__ + 4 + 4 * _WORDS:
        return False
    words = generator.getstate()[1]
    expected: bytes = struct.pack(f"i{_WORDS}I", words[-1], *words[:-1])
    return bool(_instance_memory(generator, len(expected)).raw == expected)


def python_key(generator: random.Random) -> Callable[[], Any] | None:
    """Returns a function whose results are equal as long as `generator` has not moved; None if that cannot be had."""
    if sys.implementation.name != "cpython" or not _is_readable(generator):
        return None
    looked_at = types.SimpleNamespace(memory=_instance_memory(generator, _LOOKED_AT), generator=generator)
    # A call without a frame of Python's: between two training steps each frame costs a microsecond.
    return functools.partial(operator.attrgetter("memory.raw", "generator.gauss_next"), looked_at)


_HELD_BACK_AT = 80
_HELD_BACK_SIZE = 16
"""Where a `RandomState` of NumPy has the normal number that it holds back: an int, whether it does, and the number.

Seen on NumPy 1.26, 2.0 and 2.4, on a machine of 64 bits; what reads it looks whether it is so.
"""


def _held_back_memory(mtrand: Any) -> Any:
    """Returns what gives the normal number that the global generator holds back; None where it is not as expected."""
    if mtrand.RandomState.__basicsize__ < _HELD_BACK_AT + _HELD_BACK_SIZE:
        return None
    example = mtrand.RandomState(0)
    memory = _memory(id(example) + _HELD_BACK_AT, _HELD_BACK_SIZE)
    for _ in range(3):
        holds_back, value = example.get_state()[3:]
        if (*struct.unpack_from("i", memory.raw), *struct.unpack_from("d", memory.raw, 8)) != (holds_back, value):
            return None
        example.standard_normal()
    return _memory(id(mtrand._rand) + _HELD_BACK_AT, _HELD_BACK_SIZE)


class NumpyKey:
    """Calls of it are equal as long as NumPy's legacy global generator does not move; None if that cannot be told."""

    def __init__(self) -> None:
        self._mtrand: Any = None
        self._holder: Any = None
        self._bits: Any = None
        self._words: Any = None

    def __call__(self) -> Any:
        if self._mtrand is None:
            self._mtrand = getattr(getattr(sys.modules.get("numpy"), "random", None), "mtrand", None)
            if self._mtrand is None:
                return None
            # One object for as long as the process lives: `set_bit_generator` changes what it draws from.
            self._holder = _held_back_memory(self._mtrand)
        if self._holder is None:
            return None
        bits = self._mtrand._rand._bit_generator
        if bits is not self._bits:
            if type(bits).__name__ != "MT19937":
                return None
            # The words, then the position. What is held is at this address for as long.
            end = bits.ctypes.state_address + 4 * _WORDS + 4
            self._bits, self._words = bits, _memory(end - _LOOKED_AT, _LOOKED_AT)
        return (id(bits), self._words.raw, self._holder.raw)


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
