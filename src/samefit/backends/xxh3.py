"""xxh3 of many blocks at once, for tensors that lie on an accelerator.

xxh3 of a long input keeps eight sums of 64 bits (`XXH3_hashLong_128b` in xxhash.h, 0.8.3). Within 1,024 bytes they are
sums indeed, and can be made in any order, for all of an array at once; after each 1,024 bytes they are mixed, and only
that has to be done one after the other. The adapters do both where a tensor lies; what is left, some operations a
block, is done here. The value is the one that xxh3 gives on the host, bit by bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from samefit.backends.base import Array
from samefit.blocks import BLOCK, Blocks

STRETCH = 1024
"""Bytes between two mixings: 16 times eight words."""

STRETCHES = BLOCK // STRETCH

SHAPE = (STRETCHES, 16, 8)
"""The words of 64 bits of a block."""

_SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)

PRIME = 0x9E3779B1
"""By which a mixing multiplies."""

SHIFT = 47
"""By how many bits a mixing shifts."""

_PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)

START = np.array([0xC2B2AE3D, *_PRIMES[:4], 0x85EBCA77, _PRIMES[4], PRIME], dtype=np.uint64)
"""The eight sums before the first word."""

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _words(offset: int, number: int) -> Array:
    return np.frombuffer(_SECRET, dtype="<u8", count=number, offset=offset).astype(np.uint64)


MIXED_IN = _words(len(_SECRET) - 64, 8)
"""What a mixing adds, exclusively."""


def keys() -> Array:
    """Returns what each word of a block is combined with, shape `SHAPE`, uint64."""
    stretch = np.stack([_words(8 * i, 8) for i in range(16)])
    found = np.tile(stretch, (STRETCHES, 1, 1))
    # The last 64 bytes of an input are taken by themselves.
    found[-1, -1] = _words(len(_SECRET) - 64 - 7, 8)
    return found


def readings(
    values: Sequence[Any],
    large: Sequence[int],
    sums_and_rests: Callable[[list[Any]], tuple[list[Any], list[Any]]],
    dtype_of: Callable[[Any], np.dtype[Any]],
    read: Callable[[Sequence[Any]], list[Array]],
) -> list[Array | Blocks]:
    """Returns the digests of the blocks of large tensors, and all others as arrays on the host.

    Args:
        values: The tensors.
        large: Which of them are large, in order; one at least.
        sums_and_rests: Returns, of the large ones, the sums behind their blocks as 64-bit integers, in parts, and the
            elements or bytes behind the last block of each.
        dtype_of: Returns NumPy's type of a tensor.
        read: Reads tensors.
    """
    sums, rests = sums_and_rests([values[i] for i in large])
    chosen = set(large)
    small = [value for i, value in enumerate(values) if i not in chosen]
    # Together: what waits for the device waits once.
    arrays = read([*small, *rests, *sums])
    behind = len(small) + len(rests)
    found: list[Array | Blocks] = list(arrays[: len(small)])
    made = iter(digests(np.concatenate([part.view(np.uint64) for part in arrays[behind:]])))
    for i, rest in zip(large, arrays[len(small) : behind], strict=True):
        own = [next(made) for _ in range(values[i].nbytes // BLOCK)]
        found.insert(i, Blocks(dtype_of(values[i]), tuple(values[i].shape), own, rest.tobytes()))
    return found


def digests(sums: Array) -> list[bytes]:
    """Returns the xxh3_128 of blocks, 16 bytes each, big-endian.

    Args:
        sums: Their eight sums, behind all words of the block; shape (blocks, 8), uint64.
    """
    length = np.array([BLOCK], dtype=np.uint64)
    low = _merged(sums, _words(11, 8), length * np.uint64(_PRIMES[0]))
    high = _merged(sums, _words(len(_SECRET) - 64 - 11, 8), ~(length * np.uint64(_PRIMES[1])))
    together = np.stack([high, low], axis=1).astype(">u8").tobytes()
    return [together[i : i + 16] for i in range(0, len(together), 16)]


def _merged(sums: Array, secret: Array, start: Array) -> Array:
    mixed = sums ^ secret
    merged: Array = start + sum(_folded(mixed[:, i], mixed[:, i + 1]) for i in range(0, 8, 2))
    merged = (merged ^ (merged >> np.uint64(37))) * np.uint64(0x165667919E3779F9)
    merged ^= merged >> _HALF
    return merged


def _folded(a: Array, b: Array) -> Array:
    """Returns both halves of the products, 128 bits each, combined exclusively."""
    a_low, a_high, b_low, b_high = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    low, cross, other = a_low * b_low, a_high * b_low, a_low * b_high
    carried = (low >> _HALF) + (cross & _LOW) + other
    upper: Array = (cross >> _HALF) + (carried >> _HALF) + a_high * b_high
    return upper ^ ((carried << _HALF) | (low & _LOW))
