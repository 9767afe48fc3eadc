"""Running a pair again with one thing changed, or with nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from samefit.checks.execution import Execution
from samefit.checks.met import not_met, planned
from samefit.checks.pair import Pair, Part
from samefit.checks.watch import Watch
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Comparison
from samefit.errors import SamefitError
from samefit.explain.case import STANDS_IN, Counterfactual
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Stage

Enough = Callable[[Comparison], bool]


def again(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    """Runs the pair again under a counterfactual; returns the new pair, or why that was not possible.

    Args:
        pair: The sides.
        counterfactual: What to change.
        workshop: Where the re-runs are made.
        enough: Whether a divergence of unfinished re-runs refutes the suspect, so that they need not go on.
    """
    try:
        if counterfactual.of_baseline:
            return _baseline(pair, counterfactual, workshop, enough)
        if counterfactual.reruns_both:
            return _both(pair, counterfactual, workshop, enough)
        if counterfactual.data:
            return _data(pair, counterfactual, workshop, enough)
        if counterfactual.keep is not None:
            return _kept(pair, counterfactual, counterfactual.keep, workshop, enough)
        return _candidate(pair, counterfactual, workshop, enough)
    except SamefitError as error:
        return f"the re-run failed ({str(error).splitlines()[0]})"


def unchanged(pair: Pair, counterfactual: Counterfactual, workshop: Workshop) -> Pair | str:
    """Runs the same sides again as under a counterfactual, but with nothing changed.

    Args:
        pair: The sides.
        counterfactual: What is in question.
        workshop: Where the re-runs are made.

    Returns:
        The new pair, or why that was not possible.
    """
    run = _both if counterfactual.reruns_both else _baseline if counterfactual.of_baseline else _candidate
    try:
        return run(pair, Counterfactual(""), workshop, _parts)
    except SamefitError as error:
        return f"the re-run failed ({str(error).splitlines()[0]})"


def stands_in_alone(pair: Pair) -> bool:
    """Whether the candidate has something in the place of seeds that the baseline, if it runs again, has not."""
    stands_in = any(item.get(STANDS_IN) for item in pair.execution_b.transplants)
    return stands_in and not pair.same_process and not _alike(pair, pair.execution_b)


def _parts(comparison: Comparison) -> bool:
    divergence = comparison.first_divergence
    return divergence is not None and divergence.stage is not Stage.REPORTING


def _not_as_it_was(role: str, part: Part, run: Run) -> str:
    """Returns why the re-run of a side shows nothing of what was recorded, or ""."""
    changed = part.changed_since(run)
    if changed:
        return f"the {role} cannot be run again as it was: {changed}"
    failed = run.manifest.get("recording_failed")
    if failed and "recording_failed" not in part.run.manifest:
        # Two sides of which one was not recorded do not part, and that says nothing.
        return f"the {role} was not recorded when it ran again ({failed})"
    return ""


def _candidate(
    pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough, role: str = "candidate"
) -> Pair | str:
    execution = pair.execution_b.with_transplants(counterfactual.transplants)
    if counterfactual.environment:
        execution = replace(execution, environment={**execution.environment, **counterfactual.environment})
    part = pair.b
    if counterfactual.alone:
        # Alone, the side's trainings are counted from 1 again: all of them are compared.
        part = part.alone()
        execution = execution.only(part.side)
        if execution.options.get("stop_after") is not None:
            execution = execution.ending_after(len(pair.b.places))
    watch = Watch(lambda runs: (pair.a, replace(part, run=runs[0])), enough)
    run = workshop.run((execution, "re-run"), watch=watch)[0]
    failed = _not_as_it_was(role, part, run)
    failed = failed or not_met([run], [planned(pair.execution_b)], len(counterfactual.transplants))
    if failed:
        return failed
    return replace(pair, b=replace(part, run=run), execution_b=execution)


def _baseline(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    """Runs the baseline again with what the candidate holds, and compares it with the candidate as it was."""
    turned, plans, step = pair.turned(), counterfactual.transplants, counterfactual.keep
    if step is not None:
        # In a process of both, the baseline has trained before the candidate has what it is to get.
        run = workshop.run((turned.execution_a.keeping(step).ending_after(step + 1), "re-run-b"))[0]
        changed = _not_as_it_was("candidate", turned.a, run)
        if changed:
            return changed
        plans = tuple({**plan, "from": str(run.path.absolute())} for plan in plans)
    found = _candidate(turned, Counterfactual("", transplants=plans), workshop, enough, "baseline")
    return found if isinstance(found, str) else found.turned()


def _both(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    def sides(runs: Sequence[Run]) -> tuple[Part, Part]:
        return replace(pair.a, run=runs[0]), replace(pair.b, run=runs[-1])

    watch = Watch(sides, enough)
    a, b = pair.execution_a, pair.execution_b
    if counterfactual.seeds_first:
        # That seed takes the place of what stood in for one, and that the baseline has not.
        a, b = a.without_stand_ins(), b.without_stand_ins()
    if pair.same_process:
        first = _changed(b, counterfactual)
        runs, executions = workshop.run((first, "re-run"), watch=watch), [first, first]
    else:
        first = _changed(a, counterfactual).with_transplants(_own_start(pair, b))
        second = _changed(b, counterfactual)
        runs = workshop.run((first, "re-run-a"), (second, "re-run-b"), watch=watch)
        executions = [first, second]
    begins = [planned(execution) for execution in (a, b)]
    failed = _not_as_it_was("baseline", pair.a, runs[0]) or _not_as_it_was("candidate", pair.b, runs[-1])
    failed = failed or not_met(runs, begins[: len(runs)], len(counterfactual.both))
    if failed:
        return failed
    return Pair(*sides(runs), executions[0], executions[1])


def _own_start(pair: Pair, candidate: Execution) -> list[dict[str, Any]]:
    """Returns what gives the baseline again what the candidate has from it: first weights, entropy, states, seeds.

    Without a seed, the baseline would draw others in a re-run of its own.
    """
    # What is counted (seeds, draws) has the same numbers in the same script only.
    alike = _alike(pair, candidate)
    trainings = {b.number: a.number for a, b in zip(pair.a.selected(), pair.b.selected(), strict=False)}
    found = []
    for item in candidate.transplants:
        own = dict(item)
        if item["do"] == "weights" and item["arrays"].startswith("initial-"):
            number = int(item["arrays"].removeprefix("initial-"))
            own |= {"training": number, "pairs": {path: path for path in item["pairs"].values()}}
        elif item["do"] == "entropy" or (item.get(STANDS_IN) and alike):
            own |= {"side": pair.a.side} if "side" in item else {}
            own |= {"training": trainings.get(item["training"], -1)} if "training" in item else {}
        else:
            continue
        if own not in pair.execution_a.transplants:
            found.append(own)
    return found


def _alike(pair: Pair, candidate: Execution) -> bool:
    return [target for _, target in pair.execution_a.sides] == [target for _, target in candidate.sides]


def _changed(execution: Execution, counterfactual: Counterfactual) -> Execution:
    environment = {**execution.environment, **counterfactual.environment_both}
    return replace(execution.with_transplants(counterfactual.both), environment=environment)


def _data(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    keeping = replace(pair.execution_a, options={**pair.execution_a.options, "keep_data": True})
    run = workshop.run((keeping, "re-run-a"))[0]
    plans = list(counterfactual.transplants)
    changed = _not_as_it_was("baseline", pair.a, run)
    if changed:
        return changed
    again = replace(pair.a, run=run).selected()
    if any(_data_of(one) != _data_of(other) for one, other in zip(pair.a.selected(), again, strict=False)):
        return "the baseline itself gets other data when it runs again: something random in it has no seed"
    for mine, theirs in zip(again, pair.b.selected(), strict=False):
        file = run.path / "arrays" / f"data-{mine.number}.safetensors"
        if file.exists():
            plans.append({"do": "data", "training": theirs.number, "file": str(file)})
    if len(plans) == len(counterfactual.transplants):
        return "the baseline handed no arrays to fit"
    return _candidate(pair, Counterfactual("", transplants=tuple(plans)), workshop, enough)


def _data_of(training: TrainingRecord) -> list[Any]:
    """Returns digests of the arrays that were handed to `fit`."""
    described = (training.options.get(name) for name in ("x", "y", "sample_weight"))
    return [item.get("digest") if isinstance(item, Mapping) else None for item in described]


def _kept(pair: Pair, counterfactual: Counterfactual, step: int, workshop: Workshop, enough: Enough) -> Pair | str:
    """Runs the candidate again with what the baseline, run again as well, holds after one of its steps."""
    if pair.same_process or (pair.a.side and pair.execution_b.holds(pair.a.side)):
        # The process of the candidate holds the baseline, too.
        pair = replace(pair, execution_b=pair.execution_b.keeping(step))
        return _candidate(pair, replace(counterfactual, keep=None), workshop, enough)
    run = workshop.run((pair.execution_a.keeping(step).ending_after(step + 1), "re-run-a"))[0]
    changed = _not_as_it_was("baseline", pair.a, run)
    if changed:
        return changed
    plans = tuple({**plan, "from": str(run.path.absolute())} for plan in counterfactual.transplants)
    return _candidate(pair, replace(counterfactual, transplants=plans, keep=None), workshop, enough)
