"""Whether a divergence is gone in a re-run: the sides agree, or part only later."""

from __future__ import annotations

import itertools
import math

from samefit.checks.pair import Pair, Part
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


def about_nothing(pair: Pair, comparison: Comparison, after: Pair) -> str:
    """Returns why it shows nothing that a re-run agrees in the step in which two sides part, or "".

    Where both of its losses are no number by then, all that follows from them is equal. Data and first weights do not
    follow from them.

    Args:
        pair: Two sides.
        comparison: Their comparison.
        after: A re-run of one of them, or of both.
    """
    divergence = comparison.first_divergence
    if divergence is None or _STAGES.index(divergence.stage) < _STAGES.index(Stage.FORWARD):
        return ""
    steps = divergence.step if divergence.when is When.IN_STEP else divergence.step - 1
    found = [_no_number(part, steps) for part in (after.a, after.b)]
    if None in found or None not in (_no_number(pair.a, steps), _no_number(pair.b, steps)):
        return ""
    return f"both losses are not a number from step {max(step for step in found if step is not None)} on"


def _no_number(part: Part, steps: int) -> int | None:
    """Returns the first of so many steps after which a loss is not a number; None if there is none.

    A train_step of one's own may call its losses otherwise ("d_loss").
    """
    for number, index in enumerate(itertools.islice(part.places, steps), 1):
        logs = part.run.step(index).logs
        if any(math.isnan(value) for name, value in logs.items() if name.endswith("loss")):
            return number
    return None
