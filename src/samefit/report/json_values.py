"""Single values as data that JSON has."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any

from samefit.types import Location


def location_json(location: Location | None) -> dict[str, Any] | None:
    """Returns a line of the user's code as plain data."""
    return None if location is None else {"file": location.file, "line": location.line, "code": location.code}


def number_json(value: float | None) -> float | str | None:
    """Returns a number, or the name of one that JSON has no word for."""
    if value is None or math.isfinite(value):
        return None if value is None else float(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def plain_data(value: object) -> Any:
    """Returns any value as data that JSON has: a setting may hold what a user's configuration holds."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return number_json(float(value))
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain_data(item) for item in value), key=repr)
    return str(value)
