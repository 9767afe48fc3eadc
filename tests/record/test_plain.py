"""What stands in a run for values of the user's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from samefit.record.plain import is_plain, leaves, plain, seed_or_text


class Dense: ...


def test_plain_data() -> None:
    def loss() -> None: ...

    values = {"a": (1, 2.5), "b": None, 3: np.float32(0.5), "c": np.ones((2, 3)), "d": loss, "e": Dense()}
    assert plain(values) == {
        "a": [1, 2.5],
        "b": None,
        "3": 0.5,
        "c": "array of shape (2, 3) and dtype float64",
        "d": "test_plain_data.<locals>.loss",
        "e": "Dense",
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, True), ("a", True), (None, True), ((1, [2, "b"]), True), ([Dense()], False), ({}, False)],
)
def test_is_plain(value: Any, expected: bool) -> None:
    assert is_plain(value) is expected


def test_a_seed_is_a_number_where_it_is_one() -> None:
    assert seed_or_text(np.int64(3)) == 3
    assert type(seed_or_text(np.int64(3))) is int
    assert seed_or_text([1, 2]) == "[1, 2]"
    assert len(seed_or_text("x" * 300 + "y")) == 301
    assert len(seed_or_text(list(range(300)))) == 200


def test_leaves_are_found_in_their_order() -> None:
    assert list(leaves({"a": [1, (2, {"b": 3})], "c": "text"})) == [1, 2, 3, "text"]
    assert list(leaves(5)) == [5]


def test_what_is_long_stands_as_a_digest() -> None:
    long, other = [list(range(100)) for _ in range(50)], [list(range(100)) for _ in range(49)] + [[0] * 100]
    assert plain(long) == plain([list(row) for row in long])
    assert plain(long) != plain(other)
    assert len(plain(long)) < 100
    assert len(plain("x" * 10**6)) < 100
    assert plain({"mean": [0.5] * 1000}) == {"mean": [0.5] * 1000}
