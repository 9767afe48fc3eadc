"""Keras's random initialisers in NumPy: the same bits on every backend.

The frameworks draw with different generators, and where they share one (threefry) their normal distributions differ in
the last bits. Here all values come from raw words of NumPy's Philox generator, whose stream NumPy keeps from version to
version, by arithmetic in float64 that is rounded once at the end. Two parts may differ in the last bit of a float64,
and so, rarely, after rounding, from one kind of machine to another: the logarithm in the tails of the normal
distribution, and LAPACK's QR decomposition in `orthogonal`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from samefit.patches.pin_initializers import Draw

Floats = npt.NDArray[np.float64]

_BLOCK = 1 << 18
"""Values computed at a time: the temporaries of the normal distribution stay in the cache."""


class Stream:
    """A stream of random numbers that is a function of its key alone.

    Args:
        key: The key; see `samefit.pin.keys`.
    """

    def __init__(self, key: int) -> None:
        self._words = np.random.Philox(key=key)

    def uniform(self, count: int, low: float, high: float) -> Floats:
        """Returns `count` values from `low` (inclusive) to `high` (exclusive)."""
        return self._filled(count, lambda unit: low + (high - low) * unit)

    def normal(self, count: int, mean: float, deviation: float) -> Floats:
        """Returns `count` normally distributed values."""
        return self._filled(count, lambda unit: mean + deviation * normal_quantile(_positive(unit)))

    def truncated_normal(self, count: int, mean: float, deviation: float) -> Floats:
        """Returns `count` normally distributed values, at most two standard deviations from the mean.

        `deviation` is that of the distribution before it is cut, as in Keras.
        """
        low, high = _TWO_BELOW, 1.0 - _TWO_BELOW
        return self._filled(count, lambda unit: mean + deviation * normal_quantile(low + (high - low) * unit))

    def _filled(self, count: int, make: Callable[[Floats], Floats]) -> Floats:
        values = np.empty(count, dtype=np.float64)
        for start in range(0, count, _BLOCK):
            words = self._words.random_raw(min(_BLOCK, count - start))
            unit: Floats = (words >> np.uint64(11)).astype(np.float64)
            unit *= 2.0**-53
            values[start : start + _BLOCK] = make(unit)
        return values


def _positive(unit: Floats) -> Floats:
    # Half of the smallest value above 0: the quantile of 0 would be infinite.
    unit[unit == 0.0] = 2.0**-54
    return unit


_TWO_BELOW = 0.5 * math.erfc(math.sqrt(2.0))
"""The share of the normal distribution that lies two standard deviations or more below the mean."""


def normal_quantile(share: Floats) -> Floats:
    """Returns the values below which the given shares of the standard normal distribution lie.

    Args:
        share: Values between 0 and 1, both exclusive.

    Returns:
        The quantiles, with a relative error of about 1e-16: Wichura's PPND16 (Applied Statistics 37, 1988, AS 241).
    """
    centred = share - 0.5
    inner = 0.180625 - centred * centred
    values = centred * _ratio(inner, _CENTRE)
    tail = np.flatnonzero(inner < 0)
    if len(tail):
        distance = np.sqrt(-np.log(np.minimum(share[tail], 1.0 - share[tail])))
        outer = np.where(distance <= 5.0, _ratio(distance - 1.6, _NEAR), _ratio(distance - 5.0, _FAR))
        values[tail] = np.copysign(outer, centred[tail])
    return values


def drawn(stream: Stream, draw: Draw, shape: Sequence[int], dtype: str) -> npt.NDArray[np.floating]:
    """Returns the value of one weight.

    Args:
        stream: Where the numbers come from.
        draw: What the initialiser asks for.
        shape: Shape of the weight.
        dtype: Its type: "float16", "bfloat16", "float32" or "float64".
    """
    count = math.prod(shape)
    if draw.distribution == "orthogonal":
        return rounded(orthogonal(stream, shape, draw.first), dtype)
    if draw.distribution == "uniform":
        return rounded(stream.uniform(count, draw.first, draw.second), dtype, below=draw.second).reshape(shape)
    make = stream.normal if draw.distribution == "normal" else stream.truncated_normal
    return rounded(make(count, draw.first, draw.second), dtype).reshape(shape)


def rounded(values: Floats, dtype: str, below: float | None = None) -> npt.NDArray[np.floating]:
    """Returns `values` in the precision of a variable.

    Args:
        values: The values in float64.
        dtype: Keras's name of the variable's type; those narrower than float32 are given as float32, and the framework
            rounds a second time when it stores them, which all three do to the nearest.
        below: A bound that no value may reach, also not by rounding up.
    """
    if dtype == "float64":
        return values
    narrow = values.astype(np.float32)
    if below is not None:
        np.minimum(narrow, np.nextafter(np.float32(below), np.float32(-np.inf)), out=narrow)
    return narrow


def orthogonal(stream: Stream, shape: Sequence[int], gain: float) -> Floats:
    """Returns a matrix with orthonormal rows or columns, as Keras's `Orthogonal` does.

    Args:
        stream: Where the numbers come from.
        shape: At least two dimensions; all but the last are taken together as rows.
        gain: The matrix is multiplied by it.
    """
    rows, columns = math.prod(shape[:-1]), shape[-1]
    tall = (max(rows, columns), min(rows, columns))
    q, r = np.linalg.qr(stream.normal(tall[0] * tall[1], 0.0, 1.0).reshape(tall))
    # A decomposition is unique up to the signs of its columns; with these signs it is uniformly distributed.
    q = q * np.sign(np.diag(r))
    # In order: PyTorch keeps the strides of what it is given, and its products depend on them in the last bit.
    return gain * np.ascontiguousarray(q.T if rows < columns else q).reshape(shape)


def _ratio(x: Floats, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Floats:
    above, below = coefficients
    top, bottom = np.full_like(x, above[-1]), np.full_like(x, below[-1])
    for a, b in zip(above[-2::-1], below[-2::-1], strict=True):
        top = top * x + a
        bottom = bottom * x + b
    return top / bottom


_CENTRE = (
    (
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_NEAR = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_FAR = (
    (
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)
