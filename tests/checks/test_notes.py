"""What a pinned check says of both verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from samefit.checks.notes import _not_a_number, what_pinning_changed
from samefit.comparison.result import Comparison, Difference, Divergence
from samefit.types import Stage, Verdict


def parted(step: int, stage: Stage) -> Divergence:
    return Divergence(1, 2, 1, step, step, stage, "inputs")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, None, "As it is, the two agree already."),
        (parted(1, Stage.DATA), None, "As it is, the two part at step 1 (data); pinned they agree."),
        (
            parted(1, Stage.INITIAL_WEIGHTS),
            parted(3, Stage.UPDATE),
            "As it is, the two part at step 1 (initial weights); pinned they part at step 3 (update).",
        ),
        (None, parted(3, Stage.UPDATE), "As it is, the two agree; pinned they part at step 3 (update)."),
    ],
)
def test_what_pinning_changed(
    make_comparison: Callable[..., Comparison], before: Divergence | None, after: Divergence | None, said: str
) -> None:
    def comparison(divergence: Divergence | None) -> Comparison:
        verdict = Verdict.IDENTICAL if divergence is None else Verdict.DIVERGED
        return make_comparison(verdict=verdict, first_divergence=divergence)

    assert what_pinning_changed(comparison(before), comparison(after)) == said


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.NOT_COMPARABLE, "could not be compared"),
        (Verdict.INCOMPLETE, "nothing that was compared differs"),
    ],
)
def test_pairs_of_which_nothing_is_known_do_not_agree(
    make_comparison: Callable[..., Comparison], verdict: Verdict, said: str
) -> None:
    unknown, same = make_comparison(verdict=verdict), make_comparison(verdict=Verdict.IDENTICAL)
    for first, second in ((unknown, unknown), (unknown, same), (same, unknown)):
        text = what_pinning_changed(first, second)
        assert said in text
        assert text.count("agree") == (first.same or second.same)


@pytest.mark.parametrize(
    ("final", "verdict", "is_said"),
    [
        ((math.nan, math.nan), Verdict.IDENTICAL, True),
        ((math.nan, math.nan), Verdict.DIVERGED, False),
        ((math.nan, 1.0), Verdict.IDENTICAL, False),
        ((1.0, 1.0), Verdict.IDENTICAL, False),
    ],
)
def test_two_losses_that_are_not_numbers(
    make_comparison: Callable[..., Comparison], final: tuple[float, float], verdict: Verdict, is_said: bool
) -> None:
    comparison = make_comparison(verdict=verdict, differences={"loss": Difference(None, final=final)})
    assert any("NaN" in note for note in _not_a_number(comparison)) is is_said
