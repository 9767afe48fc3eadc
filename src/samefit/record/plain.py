"""Values of the user's as they stand in a run; the standard library alone, as in `samefit.record.ledger`."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

_MOST = 4096
"""Values of a list, or hundreds of characters of a text, that stand in a record as they are; more become a digest."""


def is_plain(value: Any) -> bool:
    """Whether a value is a number, a text, a flag, None, or a tuple or list of such."""
    if isinstance(value, (tuple, list)):
        return all(is_plain(item) for item in value)
    return isinstance(value, (str, int, float, bool, type(None)))


def seed_or_text(value: Any) -> Any:
    """Returns a number or a text as it is, a scalar of a framework as a number, and of anything else its text."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    return repr(value)[:200]


def plain(value: Any) -> Any:
    """Returns `value` as JSON-able data; what is not becomes its type's name or a short text, what is long a digest."""
    if isinstance(value, str) and len(value) > 100 * _MOST:
        return f"text of {len(value)} characters ({_digest(value)})"
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if sum(1 for _ in itertools.islice(leaves(value), _MOST + 1)) > _MOST:
            return f"{type(value).__name__} of {len(value)} ({_digest(repr(value))})"
        return [plain(item) for item in value]
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        if getattr(value, "ndim", 1) == 0:
            try:
                return float(value)
            except (TypeError, ValueError):  # a random key, a text, a date
                pass
        return f"array of shape {tuple(value.shape)} and dtype {value.dtype}"
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    if type(value).__module__.startswith("keras"):
        name = getattr(value, "name", "")
        return f"{type(value).__name__}({name})" if isinstance(name, str) else type(value).__name__
    return type(value).__qualname__


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def leaves(value: Any) -> Iterator[Any]:
    """Yields what stands in nested mappings, lists and tuples."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from leaves(item)
    else:
        yield value
