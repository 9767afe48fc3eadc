"""Is it rounding? Measured against what a change of one unit in the last place does to the same training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from samefit.checks.execution import Execution
from samefit.checks.met import not_met, planned
from samefit.checks.workshop import Begun, Workshop
from samefit.comparison import compare_trainings
from samefit.comparison.pairing import Pairing
from samefit.comparison.quantities import losses
from samefit.comparison.result import Comparison, Evidence
from samefit.errors import SamefitError
from samefit.store.reader import Run

_FACTOR = 10.0
"""A gap of at most so many times the floor is what rounding explains. In the eight pairs that were measured, rounding
stood below 2.5 floors and logic above 2,500."""


_UNITS = {np.float32: 2.0**-23, np.float64: 2.0**-52}
"""One unit in the last place, relative: a loss that is logged in so many bits is known no better."""


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


def begin_moved(
    execution: Execution, comparison: Comparison, workshop: Workshop, kept: Sequence[int] = ()
) -> Begun | None:
    """Runs the baseline again from a state that is one unit in the last place off, for `judge`.

    Args:
        execution: How the baseline was run.
        comparison: The comparison with the candidate.
        workshop: Where the re-run is made.
        kept: Indices of steps after which the re-run keeps its state.

    Returns:
        The re-run, or None where the two sides have no loss to judge by.
    """
    if _gap(comparison) is None:
        return None
    keeping = [*(execution.options.get("keep_states") or ()), *kept]
    changed = replace(
        execution, options={**execution.options, "keep_states": keeping} if keeping else execution.options
    )
    return workshop.begin(changed.with_transplants(_plan(comparison)), "perturbed")


def _gap(comparison: Comparison) -> float | None:
    loss = comparison.differences.get("loss")
    return None if loss is None else loss.max_rel


def _plan(comparison: Comparison) -> tuple[Mapping[str, Any], ...]:
    return tuple({"do": "perturb", "training": number} for number in comparison.baseline.trainings[:1])


def judge(
    execution: Execution, run: Run, comparison: Comparison, begun: Begun | None, one_step: float = 0.0
) -> Judgement:
    """Compares the gap of the two sides with that of the baseline and itself from a state that is a little off.

    Args:
        execution: How the baseline was run.
        run: The baseline.
        comparison: The comparison with the candidate.
        begun: What `begin_moved` returned for them.
        one_step: By how much the loss of one step from equal state is off at most, relative, where that is rounding.
            Each step adds as much; first weights that are moved are moved once.
    """
    gap = _gap(comparison)
    if gap is None or begun is None:
        return _not_measured("the steps of the two sides have no loss in common")
    numbers = comparison.baseline.trainings
    try:
        perturbed = begun.run()
    except SamefitError as error:  # a script may check its own result, and not get it from other weights
        return _not_measured(f"the re-run from changed weights failed ({str(error).splitlines()[0]})")
    if not_met([perturbed], [planned(execution)], len(_plan(comparison))):
        return _not_measured("the first weights could not be changed")
    moved = compare_trainings(run, perturbed, numbers, numbers).differences.get("loss")
    if moved is None or moved.max_rel is None or not math.isfinite(moved.max_rel):
        return _not_measured("the loss is no number when the first weights change by one unit in the last place")
    unit = _unit(run, perturbed, numbers)
    ratio = gap / max(moved.max_rel, unit, one_step)
    within = f"less than {unit:.2g}, one unit in the last place of it,"
    by = f"{moved.max_rel:.2g}" if moved.max_rel >= unit else within
    text = (
        f"largest relative gap of the loss {gap:.2g}; the baseline itself moves by {by} when "
        "its first weights change by one unit in the last place"
        f"{f', and one step from equal state leaves {one_step:.2g}' if one_step > max(moved.max_rel, unit) else ''} "
        f"(ratio {ratio:.2g}; rounding: up to {_FACTOR:g})"
    )
    return Judgement(ratio <= _FACTOR, Evidence(text), perturbed)


def _unit(run: Run, perturbed: Run, numbers: Sequence[int]) -> float:
    """Returns one unit in the last place of the losses of trainings and of these moved: Keras logs most as float32."""
    sides = [[side.training(number) for number in numbers] for side in (run, perturbed)]
    pairs = losses(Pairing(run, perturbed, *sides))
    known = (loss for _, *pair in pairs for loss in pair if math.isfinite(loss))
    return _UNITS[np.float32 if all(float(np.float32(loss)) == loss for loss in known) else np.float64]


def _not_measured(because: str) -> Judgement:
    return Judgement(None, Evidence(f"how far rounding takes the whole training was not measured: {because}"))
