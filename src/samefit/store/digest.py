"""Digests of arrays: 128 bits over dtype, shape and bytes in order.

A sum, a norm or an XOR would be blind to sign flips, permutations and swaps; xxh3 is not, and costs less than reading
the memory twice. `docs/reference/run-directory.md` gives the exact bytes.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import xxhash

from samefit.blocks import BLOCK, Blocks

Array = np.ndarray[Any, Any]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))

_BUFFERS = frozenset("biufc")
"""Kinds of types whose arrays offer their memory as a buffer."""

_NARROW = 64
"""Rows of up to so many bytes are hashed all at once in NumPy, wider ones by one call of xxh3 each: below, the call
costs more than the hash; above, NumPy's temporaries cost ten times what xxh3 needs. It depends on the width alone,
never on the number of rows, so that a sample has one hash in a batch and in the whole data set."""


class NoDigestError(TypeError):
    """An array holds an object of which no bytes are known that are the same for the same value."""


def digest(array: Array) -> bytes:
    """Returns 16 bytes over dtype name, shape and bytes (C order) of `array`.

    Arrays of strings or Python objects are encoded by the text of their items, never pickled.

    Args:
        array: Any array; types that NumPy only knows from elsewhere (bfloat16, float8) included.

    Raises:
        NoDigestError: If an item of an object array has no stable text.

    Example:
        >>> import numpy as np
        >>> digest(np.zeros(2)) == digest(-np.zeros(2))
        False
    """
    data = _bytes(array)
    if (len(data) if isinstance(data, bytes) else array.nbytes) < BLOCK:
        hasher = xxhash.xxh3_128(_header(array.dtype, array.shape))
        hasher.update(data)
        return hasher.digest()
    memory = data.reshape(-1).view(np.uint8).data if isinstance(data, np.ndarray) else memoryview(data)
    end = len(memory) // BLOCK * BLOCK
    blocks = (xxhash.xxh3_128_digest(memory[i : i + BLOCK]) for i in range(0, end, BLOCK))
    return blocks_digest(Blocks(array.dtype, array.shape, blocks, memory[end:]))


def blocks_digest(blocks: Blocks) -> bytes:
    """Returns the digest of the array that the blocks are of."""
    return xxhash.xxh3_128_digest(b"".join([_header(blocks.dtype, blocks.shape), *blocks.digests, blocks.rest]))


def state_digest(array: Array) -> bytes:
    """Returns the digest of a variable's value; integers are widened to int64 first.

    Keras keeps counters and seeds in other integer types on each backend; their values are what counts.
    """
    return digest(array.astype(np.int64) if array.dtype.kind in "iu" else array)


def digest_many(arrays: Sequence[tuple[str, Array | None]]) -> bytes:
    """Returns 16 bytes over named arrays, in order; a missing array (None) counts as such.

    Args:
        arrays: The leaves of a nested batch, each with its path.
    """
    return joined((path, None if array is None else digest(array)) for path, array in arrays)


def joined(digests: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Returns what `digest_many` gives for arrays that have these digests."""
    # One call over all: each call of the hash costs more than the bytes it is given here.
    parts = [_name(path) + (b"\0" if one is None else b"\1" + one) for path, one in digests]
    return xxhash.xxh3_128_digest(b"".join(parts))


@functools.lru_cache(maxsize=4096)
def _name(path: str) -> bytes:
    # Lengths and marks stand before what they describe: no two lists of leaves share one stream of bytes.
    name = path.encode()
    return len(name).to_bytes(8, "little") + name


def rows_sum(arrays: Sequence[Array], num_rows: int) -> bytes:
    """Returns 8 bytes that depend on which samples there are, not on their order.

    The hash of a sample covers its row in all arrays together; the hashes are added modulo 2**64.

    Args:
        arrays: Arrays whose first axis has length `num_rows`.
        num_rows: Number of samples.

    Raises:
        ValueError: If an array has another number of rows.
    """
    total: Array | None = None
    for position, array in enumerate(arrays):
        if array.ndim == 0 or len(array) != num_rows:
            raise ValueError(f"Array {position} has shape {array.shape}; {num_rows} rows were expected.")
        hashes = _row_hashes(array, num_rows)
        total = _mixed((hashes if total is None else total * _ODD + hashes) + np.uint64(position + 1))
    return (0 if total is None else int(np.add.reduce(total))).to_bytes(8, "little")


def chain(previous: bytes, *parts: bytes) -> bytes:
    """Returns 16 bytes over `previous` and `parts`: equal chains mean that all before was equal too."""
    lengths_and_parts = [piece for part in parts for piece in (_length(len(part)), part)]
    return xxhash.xxh3_128_digest(previous + b"".join(lengths_and_parts))


@functools.lru_cache(maxsize=4096)
def _length(length: int) -> bytes:
    return length.to_bytes(8, "little")


@functools.lru_cache(maxsize=4096)
def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    # A structured dtype is named by its size alone ("void96"): its fields tell.
    name = str(dtype.descr) if dtype.names else dtype.name
    return f"{name}{shape}".encode()


def _bytes(array: Array) -> Any:
    if _is_text(array):
        return _text(array.ravel().tolist()).encode("utf-8", "surrogatepass")
    array = _little(array)
    if array.dtype.kind in _BUFFERS:
        return array
    # Types that NumPy only knows from elsewhere (bfloat16) offer no buffer: their bytes do.
    return array.reshape(-1).view(np.uint8).data if array.size else b""


def _is_text(array: Array) -> bool:
    return array.dtype.kind in "OUST" or array.dtype.hasobject


def _little(array: Array) -> Array:
    """Returns the array contiguous and little-endian: the same values have the same digest on every machine."""
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    return np.ascontiguousarray(array)


def _text(item: Any) -> str:
    """Returns a text that depends on type and value of `item`, and on nothing else (no address, no hash order)."""
    if isinstance(item, np.generic):
        return f"{item.dtype.name}:{_text(item.item())}"
    if item is None or isinstance(item, (bool, int, float, complex, str, bytes)):
        return f"{type(item).__name__}:{item!r}"
    if isinstance(item, (list, tuple)):
        # Written out and not `repr`: a list may hold anything again.
        return f"{type(item).__name__}[{','.join(map(_text, item))}]"
    if isinstance(item, np.ndarray):
        return f"array:{digest(item).hex()}"
    raise NoDigestError(f"an object of type {type(item).__name__} is in it, which has no stable digest")


def _row_hashes(array: Array, num_rows: int) -> Array:
    # Dtype and shape of a row go in as well: [1] and [1, 0] are not the same sample.
    seed = xxhash.xxh3_64_intdigest(_header(array.dtype, array.shape[1:]))
    if _is_text(array):
        rows = [_text(row).encode("utf-8", "surrogatepass") for row in array.tolist()]
        return np.array([xxhash.xxh3_64_intdigest(row, seed) for row in rows], dtype=np.uint64)
    if num_rows == 0 or array.size == 0:
        return np.full(num_rows, seed, dtype=np.uint64)
    flat = _little(array).reshape(num_rows, -1).view(np.uint8)
    if flat.shape[1] > _NARROW:
        rows_of_bytes: Iterable[Any] = flat
        hashes = map(xxhash.xxh3_64_intdigest, rows_of_bytes, itertools.repeat(seed))
        return np.fromiter(hashes, dtype=np.uint64, count=num_rows)
    return _narrow(flat, seed)


def _narrow(flat: Array, seed: int) -> Array:
    padding = -flat.shape[1] % 8
    if padding:
        flat = np.pad(flat, ((0, 0), (0, padding)))
    columns = np.ascontiguousarray(flat).view(np.uint64).T
    hashes = _mixed(columns[0] + np.uint64((seed * int(_ODD) + int(_ODD)) % 2**64))
    for column in columns[1:]:
        # Each word is mixed into all before it: a swap within the row changes the hash.
        hashes = _mixed(hashes * _ODD + column + _ODD)
    return hashes


def _mixed(values: Array) -> Array:
    """The finaliser of splitmix64; in place, since between two steps of a training new memory is cold."""
    values ^= values >> _SHIFTS[0]
    values *= _MIX[0]
    values ^= values >> _SHIFTS[1]
    values *= _MIX[1]
    values ^= values >> _SHIFTS[2]
    return values
