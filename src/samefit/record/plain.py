"""Values as they stand in the ledger; the standard library alone, as in `samefit.record.ledger`."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """Returns a number or a text as it is, and of anything else its text."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    return repr(value)[:200]
