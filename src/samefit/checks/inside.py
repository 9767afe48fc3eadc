"""Re-runs of the step at which two sides part, with every layer watched."""

from __future__ import annotations

from dataclasses import replace

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.workshop import Workshop
from samefit.comparison.inside import compare_inside
from samefit.comparison.pairing import Pairing
from samefit.comparison.result import Comparison, Inside
from samefit.errors import SamefitError, TargetFailed
from samefit.explain.inside import explain_inside
from samefit.store.reader import Run
from samefit.types import Stage, When

_STAGES = (Stage.FORWARD, Stage.BACKWARD, Stage.UPDATE, Stage.STATE)
"""What begins inside of a step; at the other stages what goes into the step differs already."""

_EARLY = 200
"""A step up to this one is looked into without being asked: to get there costs little more than to start."""


def look_inside(pair: Pair, comparison: Comparison, workshop: Workshop, *, asked: bool) -> Inside | None:
    """Runs both sides again up to the step at which they part, and looks where in it they part.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where the re-runs are made.
        asked: Whether the user asked for it: then a late step is looked into, too.

    Returns:
        What was found; None where the divergence does not begin inside of a step, or only late.
    """
    divergence = comparison.first_divergence
    if divergence is None or divergence.stage not in _STAGES or divergence.step < 1:
        return None
    position = divergence.step - 1
    if divergence.when is not When.IN_STEP or (divergence.step > _EARLY and not asked):
        return None
    workshop.say(f"looking inside of step {divergence.step}")
    try:
        try:
            runs = _runs(pair, workshop, divergence.step)
        except TargetFailed as error:
            if error.exit_status >= 0:
                raise
            # A compiler may not survive what watches the layers (XLA did not, for attention and an LSTM on a GPU).
            workshop.say(f"looking inside of step {divergence.step}, operation by operation")
            runs = _runs(pair, workshop, divergence.step, eager=True)
    except SamefitError as error:
        return Inside(divergence.step, "none", failed=f"the re-run failed: {str(error).splitlines()[0]}")
    parts = replace(pair.a, run=runs[0]), replace(pair.b, run=runs[-1])
    again = Pairing(parts[0].run, parts[1].run, parts[0].selected(), parts[1].selected())
    found = compare_inside(again, position) if len(again) > position else None
    return None if found is None else explain_inside(found, again, position)


def _runs(pair: Pair, workshop: Workshop, step: int, *, eager: bool = False) -> list[Run]:
    first = _watching(pair.execution_a, pair.a, step, eager)
    if pair.same_process:
        return workshop.run((_watching(first, pair.b, step, eager), "inside"))
    second = _watching(pair.execution_b, pair.b, step, eager)
    return workshop.run((first, "inside-a"), (second, "inside-b"))


def _watching(execution: Execution, part: Part, step: int, eager: bool) -> Execution:
    index = part.places[step - 1]
    looks = [*execution.options.get("looks", ()), {"step": index, "eager": eager}]
    # What a transplant has the run keep is kept as well.
    kept = [*execution.options.get("keep_states", ()), index]
    end = max([part.steps_up_to(step), *(look["step"] + 1 for look in looks)])
    options = {"looks": looks, "keep_states": kept, "every_step": True, "stop_after": end}
    return replace(execution, options={**execution.options, **options})
