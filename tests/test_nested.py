"""The places of leaves in nested data, and other leaves in these places."""

from __future__ import annotations

from samefit.nested import filled, flatten


def test_the_leaves_of_nested_data() -> None:
    assert [path for path, _ in flatten({"b": [1, 2], "a": (3, None)})] == ["batch/a/0", "batch/b/0", "batch/b/1"]


def test_other_leaves_in_their_places() -> None:
    data = {"b": [1, 2], "a": (3, None)}
    others = {path: 10 * leaf for path, leaf in flatten(data, "x")}
    assert filled(data, "x", others) == {"b": [10, 20], "a": (30, None)}
