"""Where two sides part, to the step: they run again as far as that, and their state is recorded after every step.

Weights are not recorded after every step of a long training (`samefit.store.cadence`). Where they part between two
steps after which they were, the comparison knows two numbers, and a re-run of both sides finds the place.
"""

from __future__ import annotations

from dataclasses import replace

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Comparison
from samefit.errors import SamefitError

_STEPS_MORE = 20
"""Steps that are recorded after the place: a suspect is refuted or confirmed by what follows."""

_AGAIN = "Both sides ran again up to step {step}, with weights recorded after every step: the place is exact."
_NOT_AGAIN = "Weights were not recorded between the steps {first} and {last}; {why}, so the place is no more exact."


def narrowed(pair: Pair, comparison: Comparison, workshop: Workshop) -> tuple[Pair, Comparison, str]:
    """Finds the exact place of a divergence that is known only within some steps.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where the re-runs are made.

    Returns:
        The sides and the comparison to go on with, both up to soon after the place, and a note; the same and no note
        where the place is exact already.
    """
    divergence = comparison.first_divergence
    if divergence is None or divergence.known_equal is None or "every_step" in pair.execution_a.options:
        return pair, comparison, ""
    steps = min(divergence.step + _STEPS_MORE, comparison.steps_compared)
    dense = _recording_every_step(pair).ending_after(steps)
    workshop.say(f"running both again, up to step {steps}, to see where between step {divergence.known_equal} and it")
    why = "in a re-run they part elsewhere or not at all"
    try:
        if pair.same_process:
            runs = workshop.run((dense.execution_a, "every-step")) * 2
        else:
            runs = workshop.run((dense.execution_a, "every-step-a"), (dense.execution_b, "every-step-b"))
    except SamefitError as error:
        why = f"a re-run failed ({str(error).splitlines()[0]})"
    else:
        again = replace(dense, a=replace(pair.a, run=runs[0]), b=replace(pair.b, run=runs[-1]))
        found = again.compared()
        place = found.first_divergence
        changed = pair.a.changed_since(runs[0]) or pair.b.changed_since(runs[-1])
        if changed:
            why = f"they cannot be run again as they were ({changed})"
        elif place is not None and place.known_equal is None and divergence.known_equal < place.step <= divergence.step:
            return again, found, _AGAIN.format(step=steps)
    return pair, comparison, _NOT_AGAIN.format(first=divergence.known_equal, last=divergence.step, why=why)


def _recording_every_step(pair: Pair) -> Pair:
    def changed(execution: Execution) -> Execution:
        return replace(execution, options={**execution.options, "every_step": True})

    first = changed(pair.execution_a)
    return replace(pair, execution_a=first, execution_b=first if pair.same_process else changed(pair.execution_b))


def with_place_of(comparison: Comparison, exact: Comparison) -> Comparison:
    """Returns a comparison of whole trainings with the place that another one of their first steps found."""
    differences = dict(comparison.differences)
    for name in ("updates", "weights"):
        known, found = differences.get(name), exact.differences.get(name)
        if known is not None and found is not None and found.first_step is not None:
            differences[name] = replace(known, first_step=found.first_step)
    return replace(
        comparison,
        first_divergence=exact.first_divergence,
        settings=exact.settings,
        equal=_equal(comparison, exact),
        differences=differences,
    )


def _equal(comparison: Comparison, exact: Comparison) -> tuple[str, ...]:
    """Returns what is equal before the exact place; of the batches the comparison of whole trainings has seen more."""
    batches = next((text for text in comparison.equal if text.endswith(("batch", "batches"))), "batches")
    return tuple(batches if text == "batches" else text for text in exact.equal)
