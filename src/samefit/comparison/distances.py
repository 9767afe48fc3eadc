"""How far two arrays are apart."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
"""One unit in the last place of 1."""


def is_float(array: Array) -> bool:
    """Whether an array holds floats whose precision is known."""
    return array.dtype.name in _EPSILON


def unit(one: Array, other: Array) -> float:
    """Returns one unit in the last place of 1, in the coarser of two dtypes of floats."""
    return max(_EPSILON[array.dtype.name] for array in (one, other))


def finite(array: Array) -> Array:
    """Returns an array in float64, with 0 for what is no finite number."""
    wide = array.astype(np.float64)
    return np.where(np.isfinite(wide), wide, 0.0)


def distance(one: Array, other: Array) -> float:
    """Returns the largest difference of an element; infinite where only one is finite, or they are infinite apart."""
    wide, narrow = one.astype(np.float64), other.astype(np.float64)
    same = (wide == narrow) | (np.isnan(wide) & np.isnan(narrow))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(wide - narrow))
    return float(np.max(np.where(np.isnan(apart), np.inf, apart), initial=0.0))


def over(gap: float, scale: float) -> float:
    """Returns a gap over a scale; infinite where there is a gap and nothing to measure it by."""
    return gap / scale if scale and gap else np.inf if gap else 0.0


def relative(one: Array, other: Array, scale: Array) -> float:
    """Returns the largest difference over the largest magnitude in `scale`; infinite between unlike shapes."""
    if one.shape != other.shape:
        return float("inf")
    return over(distance(one, other), float(np.max(np.abs(finite(scale)), initial=0.0)))
