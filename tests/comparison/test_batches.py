"""Batches of other bits: computed on each side and apart by rounding, or others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.handmade import Change, make_run

from samefit.comparison.batches import batch_gaps, in_order, other_batches
from samefit.comparison.exact import beyond_rounding
from samefit.comparison.pairing import Pairing
from samefit.comparison.parity import Batches, BatchGap
from samefit.explain.batches import batches_told

Array = np.ndarray[Any, Any]
ULP = 2.0**-23
X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(6, 2)
LABELS = np.array([0, 1, 1, 0, 1, 0])
FLIPPED = np.array([0, 1, 0, 0, 1, 0])


def verdict(one: Array, other: Array, wide: tuple[Array, Array] | None = None, moved: Array | None = None) -> str:
    finders = None if wide is None else tuple(lambda _, array=array: [array] for array in wide)
    off = None if moved is None else (lambda _: [moved])
    (gap,) = batch_gaps([4], (lambda _: [one], lambda _: [other]), finders, off)  # type: ignore[arg-type]
    assert gap.step == 5
    return gap.verdict


def by(relative: float, dtype: Any = np.float32) -> Array:
    return (X.astype(np.float64) * (1 + relative)).astype(dtype)


WIDE = X.astype(np.float64)


@pytest.mark.parametrize(
    ("other", "wide", "moved", "expected"),
    [
        (X, None, None, "bits"),
        (by(3 * ULP), None, None, "rounding"),
        # A generator that was trained for a while: the gap has grown, and float64 takes it away.
        (by(1e-4), (WIDE, by(1e-13, np.float64)), None, "proven"),
        # What was computed in float64 and then taken to float32: one unit is left here and there.
        (by(1e-4), (X, np.nextafter(X, np.float32(2))), None, "proven"),
        (by(1e-4), None, by(5e-5), "rounding"),
        (by(1e-4), None, by(5e-7), "logic"),
        (by(1e-5), None, by(5e-7), "undecided"),
        (by(1e-4), None, None, "undecided"),
        # Wrong scaling, another order, other samples: they stay in float64, whatever one unit has grown to.
        (by(1e-3), (WIDE, by(1e-3, np.float64)), by(1e-3), "logic"),
        (X[::-1], (WIDE, WIDE[::-1]), None, "logic"),
        (X[::-1], None, by(2 * ULP), "logic"),
        (X[::-1], (X, X[::-1]), None, "undecided"),
        (X[:4], (WIDE, WIDE), X, "logic"),
        (np.where(X > 0.9, np.nan, X), (WIDE, WIDE), X, "logic"),
    ],
)
def test_what_is_rounding(other: Array, wide: tuple[Array, Array] | None, moved: Array | None, expected: str) -> None:
    assert verdict(X, other, wide, moved) == expected


def test_labels_that_a_model_gives_may_change_by_rounding() -> None:
    assert verdict(LABELS, FLIPPED) == "undecided"
    assert verdict(LABELS, FLIPPED, (LABELS, LABELS)) == "proven"
    assert verdict(LABELS, FLIPPED, None, LABELS) == "undecided"


def test_labels_in_another_order_beside_computed_values_are_no_rounding() -> None:
    sides = (lambda _: [X, LABELS]), (lambda _: [by(ULP), FLIPPED])
    wide = (lambda _: [WIDE, LABELS]), (lambda _: [WIDE, FLIPPED])
    (gap,) = batch_gaps([0], sides, wide)
    assert (gap.array, gap.verdict) == (1, "logic")


def test_batches_that_are_not_known_are_left_out() -> None:
    assert batch_gaps([0], (lambda _: None, lambda _: [X])) == ()
    (gap,) = batch_gaps([0], (lambda _: [X], lambda _: [X, X]))
    assert gap.verdict == "logic"


def test_arrays_come_in_the_order_of_the_batch() -> None:
    arrays = {f"batch/{i}": np.array(i) for i in (10, 2, 0)}
    assert [int(array) for array in in_order({**arrays, "after/x": X})] == [0, 2, 10]


ROUNDED, OTHER, DOUBTED = BatchGap(1, 0, ULP, ULP), BatchGap(2, 0, 1e-3, ULP, 1e-3, True), BatchGap(3, 0, 1e-3, ULP)


@pytest.mark.parametrize(
    ("gaps", "expected", "telling"),
    [
        ((ROUNDED,), "rounding", ROUNDED),
        ((ROUNDED, DOUBTED), "undecided", DOUBTED),
        ((DOUBTED, ROUNDED, OTHER), "logic", OTHER),
        ((), "undecided", None),
    ],
)
def test_one_other_batch_is_enough(gaps: tuple[BatchGap, ...], expected: str, telling: BatchGap | None) -> None:
    batches = Batches(3, 1, gaps)
    assert (batches.verdict, batches.telling) == (expected, telling)


def test_what_could_not_be_had_again_is_not_said_to_be_rounded() -> None:
    batches = Batches(3, 1, (ROUNDED,), missing=2)
    assert batches.verdict == "undecided"
    told = batches_told(batches)
    assert "1 of them looked at: they differ by rounding" in told
    assert told.endswith("; 2 could not be had again")
    assert Batches(3, 1, (ROUNDED, OTHER), missing=1).verdict == "logic"


def test_only_batches_that_were_judged_are_passed_over(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=[Change("batch", 4, lasting=False)])
    pairing = Pairing(a, b, a.trainings, b.trainings)
    assert list(other_batches(pairing)) == [4]
    sides = a, a.trainings, b, b.trainings
    assert beyond_rounding(*sides, 2).startswith("at step 5, data")
    assert beyond_rounding(*sides, 2, rounded_batches=True) == ""
