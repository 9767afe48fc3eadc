"""The random values of `samefit.backends.portable` on JAX: its own, but for those that depend on a setting of JAX."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from samefit.backends import portable


def draws() -> Mapping[str, Callable[..., Any]]:
    """Returns the functions that stand for those of `keras.src.backend.jax.random`, with a key as the first."""
    return {
        "uniform": uniform,
        "truncated_normal": truncated_normal,
        "randint": randint,
        "shuffle": shuffle,
        "dropout": dropout,
    }


_NARROW = ("float16", "bfloat16")
"""Types of which the roundings depend on the processor: see `portable.uniform`."""


def uniform(seed: Any, shape: Any, minval: Any, maxval: Any, dtype: str) -> Any:
    """Computes values of a narrow type in float32, which gives the same on every processor."""
    shape = tuple(shape)
    if dtype not in _NARROW:
        return jax.random.uniform(seed, shape=shape, dtype=dtype, minval=minval, maxval=maxval)
    fractions = jax.random.uniform(seed, shape=shape, dtype=dtype)
    # On the host where that is possible: a compiler may leave out the rounding of their difference.
    library: Any = jnp if any(isinstance(bound, jax.Array) for bound in (minval, maxval)) else np
    kind = portable.type_of(dtype)
    low, high = (library.asarray(bound).astype(kind) for bound in (minval, maxval))
    width = (high - low).astype(kind)
    wide = fractions.astype("float32") * width.astype("float32") + low.astype("float32")
    return jnp.maximum(jnp.asarray(low), wide.astype(dtype))


def truncated_normal(seed: Any, shape: Any, mean: Any, stddev: Any, dtype: str) -> Any:
    """Makes values of a narrow type from the uniform ones above."""
    shape = tuple(shape)
    if dtype not in _NARROW:
        values = jax.random.truncated_normal(seed, shape=shape, lower=-2.0, upper=2.0, dtype=dtype)
        return values * stddev + mean
    kind = portable.type_of(dtype)
    edge = portable.TRUNCATION[dtype]
    bound = np.nextafter(np.array(2, kind), np.array(0, kind), dtype=kind)
    values = jax.lax.erf_inv(uniform(seed, shape, -edge, edge, dtype).astype("float32")).astype(dtype)
    return jnp.clip(values * np.array(math.sqrt(2.0), kind), -bound, bound) * stddev + mean


def randint(seed: Any, shape: Any, minval: Any, maxval: Any, dtype: str) -> Any:
    """Draws 32 bits where the bounds fit, also where JAX is told to compute in 64."""
    concrete = not any(isinstance(bound, jax.core.Tracer) for bound in (minval, maxval))
    sampled = dtype
    if np.iinfo(dtype).bits > 32:
        sampled = portable.integer_bounds(minval, maxval, dtype)[0] if concrete else "int32"
    return jax.random.randint(seed, shape=tuple(shape), minval=minval, maxval=maxval, dtype=sampled).astype(dtype)


def shuffle(seed: Any, x: Any, axis: int) -> Any:
    """Moves whole slices, as TensorFlow does, and not the elements of each column by themselves."""
    x = jnp.asarray(x)
    return jnp.take(x, jax.random.permutation(seed, x.shape[axis]), axis=axis)


def dropout(seed: Any, inputs: Any, rate: float, noise_shape: Any) -> Any:
    """Compares float32 values with the rate, also where JAX is told to compute in 64 bits."""
    share = 1.0 - rate
    sizes = inputs.shape
    shape = sizes if noise_shape is None else [sizes[i] if n is None else n for i, n in enumerate(noise_shape)]
    mask = jax.random.bernoulli(seed, p=jnp.float32(share), shape=tuple(shape))
    factor = portable.reciprocal(share, inputs.dtype.name)
    return jax.lax.select(jnp.broadcast_to(mask, sizes), inputs * factor, jnp.zeros_like(inputs))
