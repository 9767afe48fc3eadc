"""Whether a divergence is gone in a re-run, and when an agreement shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.handmade import Change, Training, dense, make_run

from samefit.checks.execution import Execution
from samefit.checks.gone import about_nothing, went_away
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Comparison, Divergence
from samefit.store.reader import Run
from samefit.types import Samples, Stage, Verdict


def parted(step: int, stage: Stage) -> Divergence:
    return Divergence(1, 2, 1, step, step, stage, "inputs")


@pytest.mark.parametrize(
    ("verdict", "divergence", "expected"),
    [
        (Verdict.IDENTICAL, None, True),
        (Verdict.DIVERGED, parted(9, Stage.DATA), True),
        (Verdict.DIVERGED, parted(5, Stage.FORWARD), True),
        (Verdict.DIVERGED, parted(5, Stage.DATA), False),
        (Verdict.DIVERGED, parted(2, Stage.DATA), False),
        (Verdict.DIVERGED, parted(2, Stage.REPORTING), True),
        # The samples are the same now: that only their order differs could not be seen before.
        (
            Verdict.DIVERGED,
            replace(parted(5, Stage.DATA), detail="the same 8 samples in another order", samples=Samples.REORDERED),
            True,
        ),
        (Verdict.NOT_COMPARABLE, None, False),
    ],
)
def test_only_a_divergence_that_is_gone_or_comes_later_confirms(
    make_comparison: Callable[..., Comparison], verdict: Verdict, divergence: Divergence | None, expected: bool
) -> None:
    before = make_comparison(verdict=Verdict.DIVERGED, first_divergence=parted(5, Stage.DATA))
    after = make_comparison(verdict=verdict, first_divergence=divergence)
    assert went_away(before, after) is expected


def run_of(path: Path, *changes: Change) -> Run:
    return make_run(path, layers=[dense(4, 4)], trainings=[Training()], changes=changes)


@pytest.mark.parametrize(
    ("what", "first", "was", "confirmed"),
    [
        ("loss", 0, None, False),  # both are not a number before the step in which they had parted
        ("loss", 2, None, False),
        ("loss", 3, None, True),  # they had agreed for longer than before
        ("loss", 0, 0, True),  # so were the two that had parted
        ("d_loss", 0, None, False),  # what a train_step of one's own calls it
        ("accuracy", 0, None, True),
    ],
)
def test_losses_that_are_no_number_agree_about_nothing(
    tmp_path: Path, what: str, first: int, was: int | None, confirmed: bool
) -> None:
    def no_number(step: int) -> Change:
        return Change("loss" if what == "loss" else "log", step, what, value=float("nan"))

    nothing = [no_number(first)]
    before = [] if was is None else [no_number(was)]
    parting = Change("variable", 2, "dense/kernel") if before else Change("loss", 2)
    a, b = run_of(tmp_path / "a", *before), run_of(tmp_path / "b", *before, parting)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    after = Pair(Part(run_of(tmp_path / "c", *nothing)), Part(run_of(tmp_path / "d", *nothing)), *[Execution(())] * 2)
    told = about_nothing(pair, pair.compared(), after)
    assert (told == "") is confirmed
    if told:
        assert told == f"both losses are not a number from step {first + 1} on"
