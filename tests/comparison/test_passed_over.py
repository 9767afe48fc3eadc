"""Steps of which nothing was read: what is said of them, and of what parts after them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.handmade import Change, make_run

from samefit.comparison import compare
from samefit.comparison.result import Comparison
from samefit.types import Stage, Verdict

PASSED_OVER = [Change("passed over", step, lasting=False) for step in (4, 5, 6)]


def passed_over(tmp_path: Path, *changes: Change) -> Comparison:
    """Compares two runs that have passed over three steps; weights were recorded after the fourth and the eighth."""
    a = make_run(tmp_path / "a", every=4, changes=PASSED_OVER)
    return compare(a, make_run(tmp_path / "b", every=4, changes=[*PASSED_OVER, *changes]))


def test_what_was_passed_over_is_not_said_to_be_equal(tmp_path: Path) -> None:
    result = passed_over(tmp_path)
    assert result.verdict is Verdict.IDENTICAL
    assert result.notes == (
        "Batches were compared in 5 of 8 steps: the others were passed over (--every-step reads all).",
        "Weights were compared after 2 of 8 steps; after the others they were not recorded.",
        "The loss was compared in 5 of 8 steps: the others were not recorded.",
    )


@pytest.mark.parametrize(
    ("change", "stage"),
    [
        (Change("batch", 7), Stage.DATA),
        (Change("loss", 7), Stage.FORWARD),
        (Change("variable", 5, "dense/kernel"), Stage.BACKWARD),
    ],
)
def test_what_parts_after_steps_that_were_passed_over_may_have_parted_in_them(
    tmp_path: Path, change: Change, stage: Stage
) -> None:
    divergence = passed_over(tmp_path, change).first_divergence
    assert divergence is not None
    assert (divergence.step, divergence.stage, divergence.known_equal) == (8, stage, 4)


def test_a_step_that_was_passed_over_after_a_state_is_no_exact_place(tmp_path: Path) -> None:
    # The last step of an epoch: of what was passed over its loss alone is known.
    own = [Change("passed over", 4, lasting=False), Change("loss", 4, value=0.5, lasting=False)]
    a = make_run(tmp_path / "a", every=4, changes=own)
    b = make_run(tmp_path / "b", every=4, changes=[own[0], Change("loss", 4, value=0.75, lasting=False)])
    result = compare(a, b)
    assert result.first_divergence is not None
    assert (result.first_divergence.step, result.first_divergence.known_equal) == (5, 4)
    assert "batches" not in result.equal
    assert "the batches that were read" in result.equal


def test_what_one_side_has_passed_over_it_does_not_fail_to_report(tmp_path: Path) -> None:
    result = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=PASSED_OVER))
    assert not [note for note in result.notes if note.startswith("Only one side reports")]
