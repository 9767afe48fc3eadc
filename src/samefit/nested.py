"""Nested lists, tuples and dicts of arrays, as `fit` takes them, and the places of their leaves: "x/0", "x/image"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(data: Any, path: str = "batch") -> list[tuple[str, Any]]:
    """Returns the leaves of nested tuples, lists and dicts with their paths; trailing None of a tuple is dropped."""
    if isinstance(data, Mapping):
        return [leaf for key in sorted(data, key=str) for leaf in flatten(data[key], f"{path}/{key}")]
    if isinstance(data, (list, tuple)):
        items = list(data)
        while items and items[-1] is None:
            items.pop()
        return [leaf for i, item in enumerate(items) for leaf in flatten(item, f"{path}/{i}")]
    return [(path, data)]


def filled(data: Any, path: str, leaves: Mapping[str, Any]) -> Any:
    """Returns the same nesting with other leaves in their places.

    Args:
        data: Nested data; None in it stays.
        path: Its own place.
        leaves: What comes to each place that `flatten` gives.
    """
    if isinstance(data, Mapping):
        return {key: filled(item, f"{path}/{key}", leaves) for key, item in data.items()}
    if isinstance(data, (list, tuple)):
        items = [filled(item, f"{path}/{i}", leaves) for i, item in enumerate(data)]
        return items if isinstance(data, list) else tuple(items)
    return leaves.get(path)
