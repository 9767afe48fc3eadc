"""The random values of `samefit.backends.portable` on JAX: its own, but for those that depend on a setting of JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from samefit.backends import portable


def draws() -> Mapping[str, Callable[..., Any]]:
    """Returns the functions that stand for those of `keras.src.backend.jax.random`, with a key as the first."""
    return {"randint": randint, "shuffle": shuffle, "dropout": dropout}


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
