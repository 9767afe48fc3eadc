"""Whether a divergence is gone in a re-run: the sides agree, or part only later."""

from __future__ import annotations

from samefit.comparison.result import Comparison, Divergence
from samefit.types import Samples, Stage, Verdict, When

_STAGES = list(Stage)


def agrees(result: Comparison) -> bool:
    """Whether all steps that were recorded agree; what is only logged comes after them."""
    return result.first_divergence is None or result.first_divergence.stage is Stage.REPORTING


def went_away(before: Comparison, after: Comparison) -> bool:
    """Whether a divergence is gone: the sides agree, or part only later."""
    if before.first_divergence is None or after.verdict is Verdict.NOT_COMPARABLE:
        return False
    if after.first_divergence is None:
        return after.same or after.steps_compared >= before.steps_compared
    return place(after.first_divergence) > place(before.first_divergence)


def place(divergence: Divergence) -> tuple[bool, int, bool, int, bool]:
    """Returns where a divergence is: a later place is greater."""
    # The state of the optimizer is a late stage, but what a step begins with comes before all that it does; what is
    # only logged comes after all steps. Other samples hide whether their order is the same.
    reported = divergence.stage is Stage.REPORTING
    before = divergence.when in (When.BEFORE_STEP, When.BETWEEN_EPOCHS, When.BETWEEN_STEPS)
    ordered = divergence.samples is Samples.REORDERED
    return reported, divergence.step, not before, _STAGES.index(divergence.stage), ordered
