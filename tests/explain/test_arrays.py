"""Causes in the arrays that `fit` was given, and the lines that make them otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import FILE, REORDERED, found, plans, slugs, texts, two
from tests.handmade import Change

from samefit.types import Location


def test_other_arrays(tmp_path: Path) -> None:
    options = tuple({"x": {"type": "ndarray", "shape": [96, 4], "dtype": "float32", "digest": d}} for d in "cd")
    suspects = found(two(tmp_path, None, None, options=options))
    assert [(s.slug, s.weak) for s in suspects] == [("data-content", True)]
    assert "x: ndarray (96, 4) float32 on both sides, other values in it" in texts(suspects[0])
    assert plans(suspects[0]) == ["keep data"]
    assert suspects[0].counterfactuals[0].stage_only


def test_arrays_of_which_each_side_leaves_others_out(tmp_path: Path) -> None:
    """A `validation_split` against a split by hand: neither the arrays nor the option alone make the two alike."""
    whole, part = ({"type": "ndarray", "shape": [n, 4], "dtype": "float32", "digest": f"d{n}"} for n in (128, 96))
    options = ({"x": whole, "validation_split": 0.25}, {"x": part, "validation_data": {"digest": "v"}})
    last = found(two(tmp_path, None, None, options=options))[-1]
    (fix,) = last.counterfactuals
    assert fix.text == "the arrays and the validation_split that the baseline handed to fit"
    # Data to validate with would keep `fit` from splitting.
    assert (fix.data, fix.transplants[0]["arguments"]) == (True, {"validation_split": 0.25, "validation_data": None})
    assert "fit(validation_split=0.25) and fit(validation_split=0.0)" in texts(last)


def test_data_of_which_a_part_cannot_be_put_in_is_not_refuted(tmp_path: Path) -> None:
    """The targets of the baseline beside the candidate's own frame of inputs would show nothing."""
    options = tuple({"x": {"type": "DataFrame"}, "y": {"type": "ndarray", "digest": d}} for d in "cd")
    last = found(two(tmp_path, None, None, options=options))[-1]
    assert (last.slug, last.counterfactuals) == ("data-content", ())
    assert last.no_counterfactual == "fit was given a DataFrame, which is not replaced"


def test_the_same_arrays_in_another_order(tmp_path: Path) -> None:
    options = tuple({"rows": "ab", "x": {"type": "ndarray", "digest": d}} for d in "cd")
    assert slugs(two(tmp_path, None, None, options=options)) == ["data-order"]
    case = two(tmp_path / "rows", None, None, REORDERED)
    assert [(s.slug, s.summary) for s in found(case)] == [("data-order", "The same samples arrive in another order.")]


def test_samples_that_are_not_known_are_not_said_to_be_the_same(tmp_path: Path) -> None:
    first = found(two(tmp_path, None, None, [Change("batch", 4), Change("rows", 4)], status="stopped"))[0]
    assert first.slug == "data-order"
    assert "other samples or values, or the same ones in another order" in first.summary


def test_arrays_that_something_writes_into_while_it_trains(tmp_path: Path) -> None:
    x = {"type": "ndarray", "digest": "c", "rows": "ab"}
    options = ({"rows": "ab", "x": x, "shuffle": False, "callbacks": ["Jitter"]},) * 2
    suspect = found(two(tmp_path, None, None, [Change("batch", 4), Change("rows", 4)], options=options))[0]
    assert suspect.slug == "data-content"
    assert "writes into the arrays" in suspect.remedy
    assert not suspect.counterfactuals
    assert "equal arrays" in suspect.no_counterfactual


def made(*texts: str, digest: str | None = None) -> dict[str, Any]:
    """What `fit` was given, and the statements that made it, from line 3 on."""
    lines = [{"file": FILE, "line": line, "text": text} for line, text in enumerate(texts, 3)]
    return {"x": {"type": "ndarray", "digest": digest} if digest else {"type": "Batches"}, "made_by": lines}


@pytest.mark.parametrize("digests", [("c", "d"), (None, None)], ids=["arrays", "iterators"])
def test_the_lines_that_make_the_data_otherwise(tmp_path: Path, digests: tuple[str | None, str | None]) -> None:
    sides = made("x = load()", "x = x / 255", digest=digests[0]), made("x = load()", "x = x / 16", digest=digests[1])
    neighbours = made("a = 1", "b = 2", digest=digests[0]), made("a = 3", "b = 4", digest=digests[1])
    told = texts(found(two(tmp_path / "neighbours", None, None, options=neighbours))[0]).splitlines()
    assert [line for line in told if "only here" in line] == [
        f"only here: {t}" for t in ("a = 1", "a = 3", "b = 2", "b = 4")
    ]
    only = found(two(tmp_path, None, None, options=sides))[0]
    assert [(e.side, e.location, e.text) for e in only.evidence if e.location is not None] == [
        ("baseline", Location(FILE, 4, "x = x / 255"), "only here: x = x / 255"),
        ("candidate", Location(FILE, 4, "x = x / 16"), "only here: x = x / 16"),
    ]
    assert (only.location, only.weak) == (Location(FILE, 4, "x = x / 16"), True)
    assert only.remedy.startswith("look first at these lines")


@pytest.mark.parametrize(
    "sides",
    [
        (made("x = load()", digest="c"), made("x = load()", digest="d")),
        (made("x = load()", "x = x / 255", digest="c"), made("x = load()", digest="c")),
        (made("data = load()", digest="c"), made("load()", digest="d")),
        (made(*"abcdefghij", digest="c"), made(*"aBcDeFgHiJ", digest="d")),
        (made("x = load()", "x = x / 255", digest="c"), made(digest="d")),
    ],
    ids=["the same lines", "equal arrays", "another name", "two programs", "a source that is not known"],
)
def test_no_line_is_told_that_says_nothing(tmp_path: Path, sides: Any) -> None:
    assert "only here" not in texts(found(two(tmp_path, None, None, options=sides))[0])


def test_batches_of_an_iterator_cannot_be_replaced(tmp_path: Path) -> None:
    options = ({"x": {"type": "Batches"}},) * 2
    only = found(two(tmp_path, None, None, options=options))[0]
    assert only.counterfactuals == ()
    assert only.no_counterfactual == "the batches come from an iterator (Batches), which is not replaced"
