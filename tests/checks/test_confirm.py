"""When a re-run confirms a cause, and when it must not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from samefit.checks.confirm import _went_away
from samefit.comparison.result import Comparison, Divergence
from samefit.types import Stage, Verdict


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
        (Verdict.NOT_COMPARABLE, None, False),
    ],
)
def test_only_a_divergence_that_is_gone_or_comes_later_confirms(
    make_comparison: Callable[..., Comparison], verdict: Verdict, divergence: Divergence | None, expected: bool
) -> None:
    before = make_comparison(verdict=Verdict.DIVERGED, first_divergence=parted(5, Stage.DATA))
    after = make_comparison(verdict=verdict, first_divergence=divergence)
    assert _went_away(before, after) is expected
