"""A state that is one unit in the last place off: what rounding may do, at its smallest."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class UnitOff:
    """Moves floats by one unit in the last place, up or down; the same way each time, array after array."""

    def __init__(self) -> None:
        self._signs = np.random.Generator(np.random.PCG64(0))

    def off(self, path: str, value: Array) -> Array:
        """Returns the value of a variable moved; what is no float, or steers the training, as it is."""
        if value.dtype.kind != "f" or path.endswith("learning_rate"):
            return value
        towards = np.where(self._signs.random(value.shape) < 0.5, -np.inf, np.inf).astype(value.dtype)
        return np.asarray(np.where(value == 0, value, np.nextafter(value, towards)))
