"""Digests of JAX's arrays, made where they lie."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.experimental
import numpy as np
from jax import lax
from jax import numpy as jnp

from samefit.backends import xxh3
from samefit.backends.base import Array
from samefit.blocks import BLOCK, Blocks

# Words of 64 bits, for this computation alone: public in JAX 0.10, not yet in 0.6.
_WIDE = jax.enable_x64 if hasattr(jax, "enable_x64") else jax.experimental.enable_x64

_TOGETHER = 16
"""Mixings that are compiled into one: a GPU needs longer to begin a piece of work than to do one of them."""


def readings(values: Sequence[Any], read: Callable[[Sequence[Any]], list[Array]]) -> list[Array | Blocks]:
    """Returns the digests of the blocks of large arrays, and all others as arrays on the host.

    Args:
        values: The arrays.
        read: Reads arrays that are not digested where they lie.
    """
    possible = [i for i, value in enumerate(values) if _is_for_here(value)]
    # One computation has one device.
    large = [i for i in possible if values[i].devices() == values[possible[0]].devices()]
    if not large:
        return list(read(values))
    try:
        return xxh3.readings(values, large, _sums_and_rests, lambda value: np.dtype(value.dtype), read)
    except (RuntimeError, TypeError, ValueError):
        # The memory of the accelerator may not do for that, or a mesh that the user has set not go with the arrays. On
        # the host they have the same digests.
        return list(read(values))


def _sums_and_rests(arrays: list[Any]) -> tuple[list[Any], list[Any]]:
    with _WIDE(True):
        sums, rests = _compiled(arrays)
    return [sums], rests


def _is_for_here(value: Any) -> bool:
    """Whether it is large, of numbers that are digested as they are, and on one device."""
    if not isinstance(value, jax.Array) or not jnp.issubdtype(value.dtype, np.floating):
        return False
    if value.dtype.itemsize not in (2, 4, 8) or value.nbytes < BLOCK:
        return False
    # One that lies on one device as a part of a mesh has a type that says so, and is computed with by other rules.
    return isinstance(value.sharding, jax.sharding.SingleDeviceSharding)


def _digested(arrays: list[Any]) -> tuple[Any, list[Any]]:
    """Returns the sums of all blocks of all arrays, shape (blocks, 8), and what is behind their last blocks."""
    # Whole shapes are written out: how arrays of other ranks are taken together is an option of the user's.
    keys = jnp.asarray(xxh3.keys()[None])
    sums, rests = [], []
    for array in arrays:
        number, size = array.nbytes // BLOCK, BLOCK // array.dtype.itemsize
        flat = array.reshape(-1)
        parts = flat[: number * size].reshape(number, *xxh3.SHAPE, 8 // array.dtype.itemsize)
        words = lax.bitcast_convert_type(parts.squeeze(-1) if array.dtype.itemsize == 8 else parts, jnp.uint64)
        mixed = words ^ keys
        neighbours = words.reshape(*words.shape[:-1], 4, 2)[..., ::-1].reshape(words.shape)
        sums.append(jnp.sum((mixed & 0xFFFFFFFF) * (mixed >> 32) + neighbours, axis=2, dtype=jnp.uint64))
        # As words: a float that is not a number may be an error in what is compiled (`jax_debug_nans`).
        rests.append(lax.bitcast_convert_type(flat[number * size :], f"uint{8 * array.dtype.itemsize}"))
    together = jnp.concatenate(sums)
    mixed_in = jnp.asarray(xxh3.MIXED_IN[None])

    def stretch(before: Any, added: Any) -> tuple[Any, None]:
        total = before + added
        return (total ^ (total >> xxh3.SHIFT) ^ mixed_in) * xxh3.PRIME, None

    start = jnp.broadcast_to(jnp.asarray(xxh3.START[None]), (len(together), 8))
    behind, _ = lax.scan(stretch, start, jnp.swapaxes(together[:, :-1], 0, 1), unroll=_TOGETHER)
    return behind + together[:, -1], rests


_compiled: Callable[[list[Any]], tuple[Any, list[Any]]] = jax.jit(_digested)
