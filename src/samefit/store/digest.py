"""Digests of arrays: 128 bits over dtype, shape and bytes in order.

A sum, a norm or an XOR would be blind to sign flips, permutations and swaps; xxh3 is not, and costs less than reading
the memory twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xxhash

Array = np.ndarray[Any, Any]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def digest(array: Array) -> bytes:
    """Returns 16 bytes over dtype name, shape and bytes (C order) of `array`.

    Arrays of strings or objects are encoded by the text of their items, never pickled.
    """
    hasher = xxhash.xxh3_128(f"{array.dtype.name}{array.shape}".encode())
    hasher.update(_bytes(array))
    return hasher.digest()


def digest_many(arrays: Sequence[tuple[str, Array | None]]) -> bytes:
    """Returns 16 bytes over named arrays, in order; a missing array (None) counts as such."""
    hasher = xxhash.xxh3_128()
    for path, array in arrays:
        hasher.update(path.encode() + b"\0")
        hasher.update(b"none" if array is None else digest(array))
    return hasher.digest()


def rows_sum(arrays: Sequence[Array], num_rows: int) -> bytes:
    """Returns 8 bytes that depend on which samples there are, not on their order.

    The hash of a sample covers its row in all arrays together; the hashes are added modulo 2**64.

    Args:
        arrays: Arrays whose first axis has length `num_rows`.
        num_rows: Number of samples.
    """
    total = np.zeros(num_rows, dtype=np.uint64)
    for position, array in enumerate(arrays):
        total = _mixed(total * _ODD + _row_hashes(array, num_rows) + np.uint64(position + 1))
    return int(np.sum(total, dtype=np.uint64)).to_bytes(8, "little")


def chain(previous: bytes, *parts: bytes) -> bytes:
    """Returns 16 bytes over `previous` and `parts`: equal chains mean that all before was equal too."""
    hasher = xxhash.xxh3_128(previous)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "little"))
        hasher.update(part)
    return hasher.digest()


def _bytes(array: Array) -> Any:
    if array.dtype.kind in "OUS":
        return "\0".join(map(repr, array.ravel().tolist())).encode()
    contiguous = np.ascontiguousarray(array)
    # Types that NumPy only knows from elsewhere (bfloat16) offer no buffer: their bytes do.
    return contiguous.reshape(-1).view(np.uint8).data if contiguous.size else b""


def _row_hashes(array: Array, num_rows: int) -> Array:
    if array.dtype.kind in "OUS":
        return np.array([xxhash.xxh3_64_intdigest(repr(row).encode()) for row in array.tolist()], dtype=np.uint64)
    if num_rows == 0 or array.size == 0:
        return np.zeros(num_rows, dtype=np.uint64)
    flat = np.ascontiguousarray(array).reshape(num_rows, -1).view(np.uint8)
    width = -(-flat.shape[1] // 8) * 8
    if width != flat.shape[1]:
        flat = np.pad(flat, ((0, 0), (0, width - flat.shape[1])))
    words = np.ascontiguousarray(flat).view(np.uint64)
    # Each word is mixed with its place: a swap within the row changes the sum.
    places = _mixed(np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _ODD)
    return np.sum(_mixed(words ^ places), axis=1, dtype=np.uint64)


def _mixed(values: Array) -> Array:
    """The finaliser of splitmix64."""
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    mixed: Array = values ^ (values >> np.uint64(31))
    return mixed
