"""Random values in NumPy: JAX's conversions of random words into numbers, bit for bit.

The words are those of `samefit.backends.threefry`. Uniform values, integers, permutations and masks are JAX's; normal
values differ from them by three units in the last place at most, because a compiler may add up a polynomial with or
without the rounding between a product and a sum.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from samefit.backends import masks
from samefit.backends.erfinv import inverse_error
from samefit.backends.threefry import Key, filled, split

Array = npt.NDArray[Any]

MANTISSA = {"float16": 10, "bfloat16": 7, "float32": 23, "float64": 52}
"""Bits of a fraction between 0 and 1, by type."""

WIDTH = {"float16": 16, "bfloat16": 8, "float32": 32, "float64": 64}
"""Bits that a random value takes from the stream, by type."""

TRUNCATION = {"float16": 0.95458984375, "bfloat16": 0.953125, "float32": 0.95449972, "float64": 0.95449973610364158}
"""The error function of the square root of two, as XLA gives it in each type."""

SORTS_PER_LOGARITHM = 3.0 / math.log(2**32 - 1)
"""How many sorts a permutation takes for each unit of the logarithm of its length."""

MOST_SORTS = 3
"""What a permutation of less than 2**32 elements takes at most."""


def type_of(dtype: str) -> np.dtype[Any]:
    """Returns NumPy's type of that name."""
    if dtype == "bfloat16":
        # NumPy has none of its own; this package comes with Keras.
        import ml_dtypes

        narrow: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return narrow
    return np.dtype(dtype)


def uniform(key: Key, shape: Sequence[int], low: Any, high: Any, dtype: str) -> Array:
    """Returns values from `low` (inclusive) to `high` (exclusive, but for rounding).

    Args:
        key: The key.
        shape: Shape of the result.
        low: A number, or an array that fits to `shape`.
        high: As `low`.
        dtype: "float16", "bfloat16", "float32" or "float64".
    """
    kind = type_of(dtype)
    fractions = filled(key, math.prod(shape), WIDTH[dtype], kind, lambda bits: _fractions(bits, dtype))
    fractions = fractions.reshape(shape)
    low, high = np.asarray(low).astype(kind), np.asarray(high).astype(kind)
    if low.ndim == high.ndim == 0 and low == 0 and high == 1:
        return fractions
    scaled: Array = np.maximum(low, _scaled(fractions, (high - low).astype(kind), low))
    return scaled


def _fractions(bits: npt.NDArray[np.unsignedinteger[Any]], dtype: str) -> Array:
    # The upper bits become the mantissa of a number from 1 to 2; JAX subtracts 1, which is exact.
    mantissa = MANTISSA[dtype]
    bits >>= bits.dtype.type(WIDTH[dtype] - mantissa)
    narrow = np.float64 if dtype == "float64" else np.float32
    fractions: Array = bits.astype(narrow)
    fractions *= narrow(2.0**-mantissa)
    return fractions


def _scaled(fractions: Array, width: Array, low: Array) -> Array:
    """Returns `fractions * width + low`; the product is not rounded before the sum.

    So does XLA in float32 and float64. In the narrow types it does or not, by whether the processor computes in them
    (AVX512-FP16): here they are computed in float32, where the product is exact, and rounded at the end.
    """
    kind = fractions.dtype
    if kind == np.float64:
        return np.asarray(multiplied_and_added(fractions, width, low))
    if kind == np.float32:
        wide: Array = fractions.astype(np.float64)
        wide *= width.astype(np.float64)
        wide += low
        return wide.astype(kind)
    return (fractions.astype(np.float32) * width.astype(np.float32) + low.astype(np.float32)).astype(kind)


def multiplied_and_added(a: Any, b: Any, c: Any) -> Any:
    """Returns `a * b + c` in float64, rounded once: products by Dekker, sums by Knuth."""
    product = a * b
    a_high, b_high = _upper_half(a), _upper_half(b)
    a_low, b_low = a - a_high, b - b_high
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    total = product + c
    second = total - product
    rest = (product - (total - second)) + (c - second)
    return total + (rest + error)


def _upper_half(x: Any) -> Any:
    scaled = x * 134217729.0
    return scaled - (scaled - x)


def normal(key: Key, shape: Sequence[int], dtype: str) -> Array:
    """Returns values of the standard normal distribution."""
    kind = type_of(dtype)
    low = np.nextafter(np.array(-1, kind), np.array(0, kind), dtype=kind)
    return _quantiles(uniform(key, shape, low, 1.0, dtype), kind)


def truncated_normal(key: Key, shape: Sequence[int], dtype: str) -> Array:
    """Returns values of the standard normal distribution between -2 and 2, both exclusive."""
    kind = type_of(dtype)
    values = _quantiles(uniform(key, shape, -TRUNCATION[dtype], TRUNCATION[dtype], dtype), kind)
    bound = np.nextafter(np.array(2, kind), np.array(0, kind), dtype=kind)
    return np.clip(values, -bound, bound).astype(kind)


def _quantiles(u: Array, kind: np.dtype[Any]) -> Array:
    wide = np.float64 if kind == np.float64 else np.float32
    flat = inverse_error(u.astype(wide).ravel()).astype(kind)
    flat *= np.asarray(math.sqrt(2.0)).astype(kind)
    return flat.reshape(u.shape)


def integers(key: Key, shape: Sequence[int], low: Any, high: Any, dtype: str) -> Array:
    """Returns integers from `low` (inclusive) to `high` (exclusive).

    Args:
        key: The key.
        shape: Shape of the result.
        low: An integer, or an array that fits to `shape`.
        high: As `low`. Where it is not above `low`, the result is `low`.
        dtype: An integer type.
    """
    sampled, first, span = integer_bounds(low, high, dtype)
    width, unsigned = span.dtype.itemsize * 8, span.dtype
    upper, lower = split(key)
    # A span of 0 is one of 2**width: every integer of the type.
    divisor = np.where(span == 0, unsigned.type(1), span)
    multiplier = np.asarray(2 ** (width // 2), unsigned) % divisor
    multiplier = multiplier * multiplier % divisor
    count = math.prod(shape)
    high_bits = filled(upper, count, width, unsigned, lambda bits: bits).reshape(shape)
    low_bits = filled(lower, count, width, unsigned, lambda bits: bits).reshape(shape)
    offset = ((high_bits % divisor) * multiplier + low_bits % divisor) % divisor
    offset = np.where(span == 0, low_bits, offset)
    values: Array = (offset.astype(sampled) + first.astype(sampled)).astype(dtype)
    return values


def integer_bounds(low: Any, high: Any, dtype: str) -> tuple[str, Array, Array]:
    """Returns the type whose bits are drawn for integers of type `dtype`, the lowest value, and how many there are.

    Narrow types draw 32 bits, and so do those of 64 bits if the bounds fit: JAX does the same unless it is told to
    compute in 64 bits, so that the values do not depend on that.

    Returns:
        The type; the lowest value as an array of Python's integers; the number of values as an unsigned array, where 0
        stands for all that there are.
    """
    low, high = (np.asarray(np.trunc(bound), dtype=object) for bound in (low, high))
    low, high = (np.asarray(np.frompyfunc(int, 1, 1)(bound), dtype=object) for bound in (low, high))
    info = np.iinfo(dtype)
    if info.bits < 32:
        low, high = np.clip(low, info.min, info.max), np.clip(high, info.min, info.max + 1)
    fits = np.all(np.greater_equal(low, -(2**31))) and np.all(np.less(high, 2**31))
    sampled = "int32" if fits and info.bits != 32 else dtype
    info = np.iinfo(sampled)
    first, last = (np.asarray(np.clip(bound, info.min, info.max), dtype=object) for bound in (low, high))
    empty, beyond = np.asarray(last <= first, bool), np.asarray(np.greater(high, info.max), bool)
    span = np.where(empty, 1, last - first) + (beyond & ~empty)
    return sampled, first, np.asarray(span % 2**info.bits).astype(f"uint{info.bits}")


def permutation(key: Key, count: int) -> npt.NDArray[np.int64]:
    """Returns the numbers from 0 to `count - 1` in random order."""
    order = np.arange(count)
    for _ in range(num_sorts(count)):
        key, this = split(key)
        order = order[np.argsort(filled(this, count, 32, np.uint32, lambda bits: bits), kind="stable")]
    return order


def num_sorts(count: int) -> int:
    """Returns how often JAX sorts `count` elements by random keys, so that equal keys do not matter."""
    return math.ceil(SORTS_PER_LOGARITHM * math.log(max(1, count)))


def kept(key: Key, shape: Sequence[int], share: float) -> npt.NDArray[np.bool_]:
    """Returns a mask that is true for about `share` of its elements: those whose uniform value is below it."""
    bound, fill = threshold(share), masks.compiled()
    if fill is not None:
        compiled = np.empty(shape, np.bool_)
        fill(key, 0, bound, compiled)
        return compiled
    below = np.uint32(bound)
    mask = filled(key, math.prod(shape), 32, np.bool_, lambda bits: np.right_shift(bits, np.uint32(9), bits) < below)
    return mask.reshape(shape)


def threshold(share: float) -> int:
    """Returns how many of the 2**23 fractions of a float32 lie below `share`, which is rounded to float32 before."""
    return math.ceil(float(np.float32(share)) * 2**23)


@functools.cache
def reciprocal(share: float, dtype: str) -> float:
    """Returns what dropout multiplies by: XLA turns a division by a number into this product, and others do not."""
    kind = type_of(dtype).type
    return float(kind(1) / kind(share))


def categories(key: Key, logits: Array, count: int) -> npt.NDArray[np.int64]:
    """Returns draws from categorical distributions.

    Two categories whose chances come within a rounding of each other in one draw may be exchanged between frameworks.

    Args:
        key: The key.
        logits: Logarithms of the chances, of shape (batch, number of categories).
        count: Draws for each row.

    Returns:
        Numbers of categories, of shape (batch, count).
    """
    dtype = logits.dtype.name
    tiny = np.finfo(np.float32 if dtype == "bfloat16" else logits.dtype).tiny
    batch, num = logits.shape
    u = uniform(key, (batch, num, count), tiny, 1.0, dtype)
    wide = u.astype(np.float64)
    gumbel: Array = -np.log(-np.log(wide).astype(u.dtype).astype(np.float64)).astype(u.dtype)
    chosen: npt.NDArray[np.int64] = np.argmax((gumbel + logits[:, :, None]).astype(u.dtype), axis=1)
    return chosen
