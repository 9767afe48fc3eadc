"""The random values of `samefit.backends.portable`, computed by TensorFlow: eager, in a graph, or compiled by XLA.

The cipher runs in functions that XLA compiles by themselves, also within a graph that is not compiled: as separate
operations its 150 passes over memory take about ten times as long.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from samefit.backends import portable
from samefit.backends.erfinv import PIECES
from samefit.backends.threefry import PARITY, ROTATIONS

Key = tuple[Any, Any]


def draws() -> Mapping[str, Callable[..., Any]]:
    """Returns the functions that stand for those of `keras.src.backend.tensorflow.random`, with a key as the first."""
    return {
        "uniform": uniform,
        "normal": normal,
        "truncated_normal": truncated_normal,
        "randint": randint,
        "categorical": categorical,
        "shuffle": shuffle,
        "dropout": dropout,
    }


def _compiled(function: Callable[..., Any]) -> Any:
    return tf.function(function, jit_compile=True, autograph=False, reduce_retracing=True)


def _words(seed: Any) -> Key:
    # Keras keeps seeds in int64 here; their lower halves are the key.
    words = tf.cast(tf.bitwise.bitwise_and(tf.cast(seed, tf.int64), 0xFFFFFFFF), tf.uint32)
    return words[0], words[1]


def _encrypted(key: Key, low: Any, high: Any = None) -> Key:
    """Returns the encryption of the numbers whose lower words are `low`."""
    schedule = (*key, key[0] ^ key[1] ^ tf.constant(PARITY, tf.uint32))
    x = (tf.zeros_like(low) if high is None else high) + schedule[0]
    y = low + schedule[1]
    for group in range(5):
        for rotation in ROTATIONS[group % 2]:
            x += y
            left = tf.bitwise.left_shift(y, tf.constant(rotation, tf.uint32))
            y = tf.bitwise.bitwise_or(left, tf.bitwise.right_shift(y, tf.constant(32 - rotation, tf.uint32)))
            y = tf.bitwise.bitwise_xor(y, x)
        x += schedule[(group + 1) % 3]
        y += schedule[(group + 2) % 3] + tf.constant(group + 1, tf.uint32)
    return x, y


def _bits(key: Key, count: Any, width: int) -> Any:
    x, y = _encrypted(key, tf.bitcast(tf.range(count, dtype=tf.int32), tf.uint32))
    if width == 64:
        return tf.bitwise.bitwise_or(
            tf.bitwise.left_shift(tf.cast(x, tf.uint64), tf.constant(32, tf.uint64)), tf.cast(y, tf.uint64)
        )
    mixed = tf.bitwise.bitwise_xor(x, y)
    return mixed if width == 32 else tf.cast(tf.bitwise.bitwise_and(mixed, (1 << width) - 1), f"uint{width}")


def _split(key: Key) -> tuple[Key, Key]:
    x, y = _encrypted(key, tf.constant([0, 1], tf.uint32))
    return (x[0], y[0]), (x[1], y[1])


def _fractions(key: Key, count: Any, dtype: str) -> Any:
    mantissa = portable.MANTISSA[dtype]
    integers = _bits(key, count, portable.WIDTH[dtype])
    shifted = tf.bitwise.right_shift(integers, tf.constant(portable.WIDTH[dtype] - mantissa, integers.dtype))
    # Signed, because conversions from unsigned integers are not there for every type; the values fit.
    signed = tf.cast(shifted, tf.int64 if dtype == "float64" else tf.int32)
    wide = tf.float64 if dtype == "float64" else tf.float32
    return tf.cast(tf.cast(signed, wide) * tf.constant(2.0**-mantissa, wide), dtype)


def _scaled(fractions: Any, low: Any, high: Any) -> Any:
    """Returns `fractions * (high - low) + low` with the roundings of `portable.uniform`."""
    width = high - low
    if fractions.dtype == tf.float64:
        result = portable.multiplied_and_added(fractions, width, low)
    else:
        wide = tf.float64 if fractions.dtype == tf.float32 else tf.float32
        result = tf.cast(fractions, wide) * tf.cast(width, wide) + tf.cast(low, wide)
        result = tf.cast(result, fractions.dtype)
    return tf.maximum(low, result)


def _quantiles(u: Any, dtype: str) -> Any:
    wide = "float64" if dtype == "float64" else "float32"
    return tf.cast(_inverse_error(tf.cast(u, wide), wide), dtype) * tf.constant(math.sqrt(2.0), dtype)


def _inverse_error(x: Any, dtype: str) -> Any:
    w = -tf.math.log1p(-x * x)
    (_, shift, coefficients), *tails = PIECES[dtype]
    values = _polynomial(w - shift, coefficients)
    for begin, shift, coefficients in tails:
        values = tf.where(w < begin, values, _polynomial(tf.sqrt(w) - shift, coefficients))
    return values * x


def _polynomial(w: Any, coefficients: tuple[float, ...]) -> Any:
    values = tf.fill(tf.shape(w), tf.constant(coefficients[0], w.dtype))
    for coefficient in coefficients[1:]:
        values = values * w + tf.constant(coefficient, w.dtype)
    return values


_fractions_drawn = _compiled(_fractions)


@_compiled
def _normals(key: Key, count: Any, dtype: str) -> Any:
    kind = portable.type_of(dtype)
    low = tf.constant(np.nextafter(np.array(-1, kind), np.array(0, kind), dtype=kind))
    return _quantiles(_scaled(_fractions(key, count, dtype), low, tf.constant(1, dtype)), dtype)


@_compiled
def _truncated_normals(key: Key, count: Any, dtype: str) -> Any:
    kind = portable.type_of(dtype)
    edge = tf.constant(portable.TRUNCATION[dtype], dtype)
    bound = tf.constant(np.nextafter(np.array(2, kind), np.array(0, kind), dtype=kind))
    values = _quantiles(_scaled(_fractions(key, count, dtype), -edge, edge), dtype)
    return tf.minimum(tf.maximum(values, -bound), bound)


@_compiled
def _gumbels(key: Key, count: Any, dtype: str) -> Any:
    tiny = np.finfo(np.float32 if dtype == "bfloat16" else dtype).tiny
    u = tf.maximum(_fractions(key, count, dtype), tf.constant(tiny, dtype))
    return -tf.math.log(-tf.math.log(u))


@_compiled
def _kept(key: Key, count: Any, bound: Any) -> Any:
    return tf.bitcast(tf.bitwise.right_shift(_bits(key, count, 32), tf.constant(9, tf.uint32)), tf.int32) < bound


@_compiled
def _order(key: Key, count: Any, num_sorts: Any) -> Any:
    order = tf.range(count, dtype=tf.int32)
    for number in range(portable.MOST_SORTS):
        key, this = _split(key)
        # The sort is by signed integers, in the order of the unsigned ones.
        flipped = tf.bitcast(tf.bitwise.bitwise_xor(_bits(this, count, 32), tf.constant(1 << 31, tf.uint32)), tf.int32)
        order = tf.where(number < num_sorts, tf.gather(order, tf.argsort(flipped, stable=True)), order)
    return order


@_compiled
def _offsets(key: Key, count: Any, span: Any) -> Any:
    upper, lower = _split(key)
    width = span.dtype.size * 8
    # A span of 0 is one of 2**width: every integer of the type.
    divisor = tf.maximum(span, tf.constant(1, span.dtype))
    multiplier = tf.constant(2 ** (width // 2), span.dtype) % divisor
    multiplier = multiplier * multiplier % divisor
    low_bits = _bits(lower, count, width)
    offset = ((_bits(upper, count, width) % divisor) * multiplier + low_bits % divisor) % divisor
    return tf.where(span == 0, low_bits, offset)


def _traced_bounds(low: Any, high: Any, dtype: str) -> tuple[Any, Any]:
    """Does as `portable.integer_bounds` for bounds that are known only when the graph runs: 32 bits are drawn."""
    info = np.iinfo("int32" if np.iinfo(dtype).bits > 32 else dtype)
    low = tf.clip_by_value(tf.cast(low, tf.int64), info.min, info.max)
    high = tf.clip_by_value(tf.cast(high, tf.int64), info.min, info.max + 1)
    span = tf.where(high <= low, tf.ones_like(high), high - low)
    return low, tf.cast(tf.bitwise.bitwise_and(span, 0xFFFFFFFF), tf.uint32)


def _shape(shape: Any) -> tuple[Any, Any]:
    """Returns a shape, and the number of its elements as a tensor."""
    static = tf.get_static_value(shape)
    if static is not None or not tf.is_tensor(shape):
        sizes = shape if static is None else static
        shape = [int(size) if isinstance(size, (int, np.integer)) else size for size in sizes]
        if all(isinstance(size, int) for size in shape):
            if math.prod(shape) >= 2**31:
                raise ValueError(f"A random tensor of shape {tuple(shape)} has more than 2**31 elements.")
            return shape, tf.constant(math.prod(shape), tf.int32)
    shape = tf.cast(tf.stack(shape) if isinstance(shape, list) else shape, tf.int32)
    return shape, tf.reduce_prod(shape)


def _number(value: Any, dtype: str) -> Any:
    """Returns a number of the user's as a tensor; `tf.cast` would round it to float32 first."""
    return tf.cast(value, dtype) if tf.is_tensor(value) else tf.constant(value, dtype)


def uniform(seed: Any, shape: Any, minval: Any, maxval: Any, dtype: str) -> Any:
    """Returns values of a uniform distribution; see `portable.uniform`."""
    shape, count = _shape(shape)
    fractions = tf.reshape(_fractions_drawn(_words(seed), count, dtype), shape)
    if not tf.is_tensor(minval) and not tf.is_tensor(maxval) and (minval, maxval) == (0.0, 1.0):
        return fractions
    return _scaled(fractions, _number(minval, dtype), _number(maxval, dtype))


def normal(seed: Any, shape: Any, mean: Any, stddev: Any, dtype: str) -> Any:
    """Returns values of a normal distribution; see `portable.normal`."""
    shape, count = _shape(shape)
    values = tf.reshape(_normals(_words(seed), count, dtype), shape)
    return values * _number(stddev, dtype) + _number(mean, dtype)


def truncated_normal(seed: Any, shape: Any, mean: Any, stddev: Any, dtype: str) -> Any:
    """Returns values of a normal distribution that is cut at two deviations; see `portable.truncated_normal`."""
    shape, count = _shape(shape)
    values = tf.reshape(_truncated_normals(_words(seed), count, dtype), shape)
    return values * _number(stddev, dtype) + _number(mean, dtype)


def randint(seed: Any, shape: Any, minval: Any, maxval: Any, dtype: str) -> Any:
    """Returns integers; see `portable.integers`."""
    shape, count = _shape(shape)
    low, high = tf.get_static_value(minval), tf.get_static_value(maxval)
    if low is None or high is None:
        first, span = _traced_bounds(minval, maxval, dtype)
    else:
        sampled, values, spans = portable.integer_bounds(low, high, dtype)
        first, span = tf.constant(values.astype(sampled)), tf.constant(spans)
    offsets = tf.reshape(_offsets(_words(seed), count, span), shape)
    return tf.cast(tf.cast(offsets, first.dtype) + first, dtype)


def categorical(seed: Any, logits: Any, num_samples: int, dtype: str) -> Any:
    """Returns draws from categorical distributions; see `portable.categories`."""
    logits = tf.convert_to_tensor(logits)
    size = tf.shape(logits)
    shape, count = _shape([size[0], size[1], num_samples])
    gumbels = tf.reshape(_gumbels(_words(seed), count, logits.dtype.name), shape)
    return tf.cast(tf.argmax(gumbels + logits[:, :, None], axis=1), dtype)


def shuffle(seed: Any, x: Any, axis: int) -> Any:
    """Returns the slices of `x` along `axis` in the order of `portable.permutation`."""
    x = tf.convert_to_tensor(x)
    count = tf.shape(x)[axis]
    logarithm = tf.math.log(tf.cast(tf.maximum(count, 1), tf.float64))
    num_sorts = tf.cast(tf.math.ceil(portable.SORTS_PER_LOGARITHM * logarithm), tf.int32)
    return tf.gather(x, _order(_words(seed), count, num_sorts), axis=axis)


def dropout(seed: Any, inputs: Any, rate: float, noise_shape: Any) -> Any:
    """Returns the inputs where `portable.kept` keeps them, scaled up, and 0 elsewhere."""
    # A Keras variable is an input, too.
    inputs = tf.convert_to_tensor(inputs)
    share = 1.0 - rate
    size = tf.shape(inputs)
    wanted = size if noise_shape is None else [size[i] if n is None else n for i, n in enumerate(noise_shape)]
    shape, count = _shape(wanted)
    mask = tf.reshape(_kept(_words(seed), count, tf.constant(portable.threshold(share), tf.int32)), shape)
    factor = tf.constant(portable.reciprocal(share, inputs.dtype.name), inputs.dtype)
    return tf.where(mask, inputs * factor, tf.zeros((), inputs.dtype))
