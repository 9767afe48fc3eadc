"""From two sides that have run to the whole answer: comparison, causes, judgement, notes, timing."""

from __future__ import annotations

import time
from dataclasses import replace

from samefit.checks.confirm import confirmed_causes, explained
from samefit.checks.notes import notes_of
from samefit.checks.pair import Pair
from samefit.checks.rounding import judge
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Comparison
from samefit.types import Verdict

_ENDED = "The trainings part, and were ended after step {steps}; --to-end lets both train to their ends."


def concluded(pair: Pair, workshop: Workshop, *, began: float, ended: bool, confirm: bool) -> Comparison:
    """Compares two sides and explains what differs.

    Args:
        pair: The two sides.
        workshop: Where re-runs are made.
        began: When the work began, on the monotonic clock.
        ended: Whether the sides were ended early because they had parted.
        confirm: Whether causes are looked for, and confirmed by re-runs.
    """
    ran = time.monotonic()
    workshop.say("comparing")
    comparison = pair.compared()
    compared = time.monotonic()
    if ended:
        pair = pair.ending_after(comparison.steps_compared)
        comparison = replace(comparison, notes=(*comparison.notes, _ENDED.format(steps=comparison.steps_compared)))
    if confirm and comparison.verdict is Verdict.DIVERGED:
        comparison = explained(comparison, confirmed_causes(pair, comparison, workshop, workshop.say))
        comparison = _judged(pair, comparison, workshop)
    timing = {"run": ran - began, "compare": compared - ran, "explain": time.monotonic() - compared}
    return replace(comparison, timing=timing, notes=(*comparison.notes, *workshop.remarks, *notes_of(pair, comparison)))


def _judged(pair: Pair, comparison: Comparison, workshop: Workshop) -> Comparison:
    """Returns the comparison with the verdict that a measured rounding floor allows."""
    cause = comparison.causes[-1] if comparison.causes else None
    if cause is None or cause.slug != "rounding" or cause.confirmed or len(comparison.causes) > 1:
        return comparison
    workshop.say("measuring what rounding explains")
    judgement = judge(pair.execution_a, pair.a.run, comparison, workshop)
    if judgement is None:
        return comparison
    if not judgement.is_rounding:
        unknown = replace(
            cause,
            slug="unknown",
            summary="The gap between the two sides is larger than rounding explains.",
            evidence=(*cause.evidence, judgement.evidence),
            unconfirmed_because="no suspect is left",
        )
        return comparison.with_causes((unknown,))
    measured = replace(cause, evidence=(*cause.evidence, judgement.evidence))
    return replace(comparison.with_causes((measured,)), verdict=Verdict.WITHIN_TOLERANCE)
