"""The random words that `pinned` specifies, in NumPy: threefry2x32 with 20 rounds, as JAX lays it out by default.

A key is two words of 32 bits. The words that belong to the n-th element of a tensor, counted in row-major order, are
the encryption of the number n (its upper and its lower 32 bits) under the key, so that no element depends on how many
others there are. The cipher is that of Salmon and others, "Parallel random numbers: as easy as 1, 2, 3" (2011); the
layout is that of `jax_threefry_partitionable`, JAX's default since 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]
Key = tuple[int, int]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = 0x1BD11BDA
"""The constant of the key schedule: the third word of the key is the XOR of the other two and of this."""

_BLOCK = 1 << 15
"""Elements computed at a time, at most: the cipher goes over its two words 110 times, so they stay in the cache."""

_SHIFTS = {
    rotation: (np.array(rotation, np.uint32), np.array(32 - rotation, np.uint32))
    for rotations in ROTATIONS
    for rotation in rotations
}


def encrypted(key: Key, high: Words | None, low: Words) -> Words:
    """Encrypts pairs of words in place.

    Args:
        key: The key.
        high: The first words, of any shape; None if they are all 0.
        low: The second words, of the same shape.

    Returns:
        The first words, which are `high` where that was given.
    """
    # What a mask of some thousand elements costs is the calls of NumPy: scalars become arrays once, and the result
    # of a call goes to its last argument.
    add, left, right, xor = np.add, np.left_shift, np.right_shift, np.bitwise_xor
    schedule = [np.array(word, np.uint32) for word in (*key, key[0] ^ key[1] ^ PARITY)]
    add(low, schedule[1], low)
    if high is None:
        high = np.full_like(low, schedule[0])
    else:
        add(high, schedule[0], high)
    scratch = np.empty_like(low)
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            up, down = _SHIFTS[rotation]
            add(high, low, high)
            # The rotated word XOR the other one: both halves of a rotation are XORed in.
            right(low, down, scratch)
            left(low, up, low)
            xor(scratch, high, scratch)
            xor(low, scratch, low)
        add(high, schedule[(group + 1) % 3], high)
        add(low, np.array((int(schedule[(group + 2) % 3]) + group + 1) & 0xFFFFFFFF, np.uint32), low)
    return high


def words(key: Key, start: int, count: int) -> tuple[Words, Words]:
    """Returns the two words of each element from `start` on."""
    if start + count <= 1 << 32:
        low = np.arange(start, start + count, dtype=np.uint32)
        return encrypted(key, None, low), low
    numbers = np.arange(start, start + count, dtype=np.uint64)
    high, low = (numbers >> np.uint64(32)).astype(np.uint32), numbers.astype(np.uint32)
    return encrypted(key, high, low), low


def split(key: Key) -> tuple[Key, Key]:
    """Returns two keys that are independent of each other and of `key`."""
    high, low = words(key, 0, 2)
    return (int(high[0]), int(low[0])), (int(high[1]), int(low[1]))


def bits(key: Key, start: int, count: int, width: int) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Returns `count` random integers of `width` bits: 8, 16, 32 or 64."""
    high, low = words(key, start, count)
    if width == 64:
        wide: npt.NDArray[np.unsignedinteger[Any]] = (high.astype(np.uint64) << np.uint64(32)) | low
        return wide
    high ^= low
    return high if width == 32 else high.astype(f"uint{width}")


def filled(
    key: Key, count: int, width: int, dtype: Any, make: Callable[[npt.NDArray[np.unsignedinteger[Any]]], Any]
) -> npt.NDArray[Any]:
    """Returns `count` values of type `dtype`, each made from a random integer of `width` bits.

    Args:
        key: The key.
        count: Number of values.
        width: 8, 16, 32 or 64.
        dtype: Type of the result.
        make: Makes an array of values from an array of random integers, elementwise.
    """
    values = np.empty(count, dtype=dtype)
    # Blocks of one size: a small rest would cost as many calls as a whole block.
    size = math.ceil(count / math.ceil(count / _BLOCK)) if count else 1
    for start in range(0, count, size):
        values[start : start + size] = make(bits(key, start, min(size, count - start), width))
    return values
