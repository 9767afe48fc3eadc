"""Is it rounding? Measured against what a change of one unit in the last place does to the same training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from samefit.checks.execution import Execution
from samefit.checks.met import not_met, planned
from samefit.checks.workshop import Workshop
from samefit.comparison import compare_trainings
from samefit.comparison.result import Comparison, Evidence
from samefit.errors import SamefitError
from samefit.store.reader import Run

_FACTOR = 10.0
"""A gap of at most so many times the floor is what rounding explains. In the eight pairs that were measured, rounding
stood below 2.5 floors and logic above 2,500."""


@dataclass(frozen=True)
class Judgement:
    """What the measurement says.

    Attributes:
        is_rounding: Whether the gap is one that rounding explains; None where that could not be measured.
        evidence: The figures, or why there are none.
        moved: The baseline from changed weights; None where it could not be run.
    """

    is_rounding: bool | None
    evidence: Evidence
    moved: Run | None = None


def judge(
    execution: Execution, run: Run, comparison: Comparison, workshop: Workshop, kept: Sequence[int] = ()
) -> Judgement:
    """Runs the baseline again from a state that is one unit in the last place off, and compares the two gaps.

    Args:
        execution: How the baseline was run.
        run: The baseline.
        comparison: The comparison with the candidate.
        workshop: Where the re-run is made.
        kept: Indices of steps after which the re-run keeps its state.
    """
    gap = comparison.differences.get("loss")
    if gap is None or gap.max_rel is None:
        return _not_measured("the steps of the two sides have no loss in common")
    numbers = comparison.baseline.trainings
    plan = tuple({"do": "perturb", "training": number} for number in numbers[:1])
    keeping = [*(execution.options.get("keep_states") or ()), *kept]
    changed = replace(
        execution, options={**execution.options, "keep_states": keeping} if keeping else execution.options
    )
    try:
        perturbed = workshop.run((changed.with_transplants(plan), "perturbed"))[0]
    except SamefitError as error:  # a script may check its own result, and not get it from other weights
        return _not_measured(f"the re-run from changed weights failed ({str(error).splitlines()[0]})")
    if not_met([perturbed], [planned(execution)], len(plan)):
        return _not_measured("the first weights could not be changed")
    moved = compare_trainings(run, perturbed, numbers, numbers).differences.get("loss")
    if moved is None or not moved.max_rel:
        return _not_measured("the loss does not move when the first weights change by one unit in the last place")
    ratio = gap.max_rel / moved.max_rel
    text = (
        f"largest relative gap of the loss {gap.max_rel:.2g}; the baseline itself moves by {moved.max_rel:.2g} when "
        f"its first weights change by one unit in the last place (ratio {ratio:.2g}; rounding: up to {_FACTOR:g})"
    )
    return Judgement(ratio <= _FACTOR, Evidence(text), perturbed)


def _not_measured(because: str) -> Judgement:
    return Judgement(None, Evidence(f"how far rounding takes the whole training was not measured: {because}"))
