"""From a divergence to confirmed causes: suspect, re-run without it, compare, go on until nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.watch import Watch
from samefit.checks.workshop import Workshop
from samefit.comparison.result import Cause, Comparison, Divergence, Evidence
from samefit.comparison.steps import BEFORE_STEP
from samefit.errors import SamefitError
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.suspects import FAILED, excluded, suspects
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Stage, Verdict

_ROUNDS = 5
"""Causes that stack are looked for one after the other, up to so many."""

_TRIES = 6
"""Re-runs for one divergence, over all its suspects."""

_STAGES = list(Stage)


def case_of(pair: Pair, comparison: Comparison) -> Case | None:
    """Returns what the detectors look at, or None where the divergence has no pair of steps."""
    divergence = comparison.first_divergence
    if divergence is None:
        return None
    sides = []
    for part, role in ((pair.a, "baseline"), (pair.b, "candidate")):
        trainings = part.selected()
        steps = part.run.steps([t.number for t in trainings])
        if len(steps) < divergence.step or divergence.step < 1:
            return None
        sides.append(Side(part.run, part.side, role, trainings, steps[divergence.step - 1]))
    return Case(
        comparison,
        divergence,
        sides[0],
        sides[1],
        same_process=pair.same_process,
        separable=pair.same_process and bool(pair.b.side),
    )


@dataclass(frozen=True)
class Found:
    """What a search for causes came to.

    Attributes:
        causes: In the order in which they act; the last one may be unconfirmed.
        pair: The sides as the last cause found them: re-runs without all the causes before it.
        comparison: The comparison of these.
    """

    causes: tuple[Cause, ...]
    pair: Pair
    comparison: Comparison


def confirmed_causes(pair: Pair, comparison: Comparison, workshop: Workshop, say: Callable[[str], None]) -> Found:
    """Looks for the causes of a divergence, one after the other, and re-runs without each.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where re-runs are made.
        say: Called with one line about what is going on.
    """
    causes: list[Cause] = []
    last = pair, comparison
    for _ in range(_ROUNDS):
        case = case_of(pair, comparison)
        if case is None:
            break
        last = pair, comparison
        cause, pair, comparison = _one(case, pair, comparison, workshop, say)
        causes.append(cause)
        if not cause.confirmed or comparison.first_divergence is None:
            break
    return Found(tuple(causes), *last)


def explained(comparison: Comparison, causes: tuple[Cause, ...]) -> Comparison:
    """Returns the comparison with its causes, and with a note if samefit itself failed while it looked for them."""
    comparison = comparison.with_causes(causes)
    failed = any(line.text.startswith(FAILED) for cause in causes for line in cause.evidence)
    return replace(comparison, notes=(*comparison.notes, _REPORT)) if failed else comparison


_REPORT = (
    f"{FAILED} while it looked for a cause; where the two part, and how, does not depend on that. Please report it "
    "with the evidence above and the two runs."
)


def _one(
    case: Case, pair: Pair, comparison: Comparison, workshop: Workshop, say: Callable[[str], None]
) -> tuple[Cause, Pair, Comparison]:
    found = suspects(case)
    tried: list[tuple[Suspect, str]] = []
    tries = 0
    for suspect in found:
        for counterfactual in suspect.counterfactuals:
            if tries >= _TRIES:
                break
            tries += 1
            say(f"confirming {suspect.slug}: with {counterfactual.text}")
            again = _again(pair, counterfactual, workshop, lambda result: not _went_away(comparison, result))
            if isinstance(again, str):
                tried.append((suspect, f"with {counterfactual.text}: {again}"))
                continue
            result = again.compared()
            if _went_away(comparison, result):
                steps = min(comparison.steps_compared, result.steps_compared)
                gaps = pair.loss_gap(steps), again.loss_gap(steps)
                return _confirmed(suspect, counterfactual, result, gaps), again, result
            tried.append((suspect, f"with {counterfactual.text} the divergence stays"))
    return _unconfirmed(case, found, tried), pair, comparison


def _went_away(before: Comparison, after: Comparison) -> bool:
    """Whether a divergence is gone: the sides agree, or part only later."""
    if before.first_divergence is None or after.verdict is Verdict.NOT_COMPARABLE:
        return False
    if after.first_divergence is None:
        return after.same or after.steps_compared >= before.steps_compared
    return _place(after.first_divergence) > _place(before.first_divergence)


def _place(divergence: Divergence) -> tuple[bool, int, bool, int]:
    # The state of the optimizer is a late stage, but what a step begins with comes before all that it does; what is
    # only logged comes after all steps.
    reported = divergence.stage is Stage.REPORTING
    return reported, divergence.step, divergence.detail != BEFORE_STEP, _STAGES.index(divergence.stage)


def _confirmed(
    suspect: Suspect, counterfactual: Counterfactual, result: Comparison, gaps: tuple[float | None, float | None]
) -> Cause:
    if result.first_divergence is None:
        ended = "stopped" in (result.baseline.status, result.candidate.status)
        what = f"{'the first' if ended else 'all'} {result.steps_compared} steps are bit-identical"
    else:
        later = result.first_divergence
        what = f"the sides part only at step {later.step} ({later.stage.value})"
        if later.stage is Stage.REPORTING:
            what = f"only what is logged differs, from step {later.step} on"
    return Cause(
        slug=suspect.slug,
        confirmed=True,
        summary=suspect.summary,
        evidence=suspect.evidence,
        location=suspect.location,
        remedy=suspect.remedy,
        counterfactual=f"with {counterfactual.text}, {what}",
        loss_gaps=None if gaps[0] is None or gaps[1] is None else (gaps[0], gaps[1]),
    )


def _unconfirmed(case: Case, found: tuple[Suspect, ...], tried: list[tuple[Suspect, str]]) -> Cause:
    # A suspect whose re-run did not help is out; one that could not be re-run is still a suspect.
    refuted = [suspect for suspect, text in tried if "stays" in text]
    standing = [suspect for suspect in found if suspect not in refuted and not suspect.needs_proof]
    if not standing:
        return Cause(
            slug="unknown",
            confirmed=False,
            summary="Nothing that samefit knows explains this divergence.",
            evidence=(*excluded(case), *(_tried(suspect, text) for suspect, text in tried)),
            location=case.b.training.location,
            remedy="compare the two sides at the place above; `samefit show` lists what each run did before it",
            unconfirmed_because="no suspect is left",
        )
    suspect = standing[0]
    more = [line for other in standing[1:] if other.slug == "unknown" for line in other.evidence]
    if suspect.slug == "unknown":
        more += [*excluded(case), *(_tried(other, text) for other, text in tried)]
    because = next((text for other, text in tried if other is suspect), suspect.no_counterfactual)
    return Cause(
        slug=suspect.slug,
        confirmed=False,
        summary=suspect.summary,
        evidence=(*suspect.evidence, *more),
        location=suspect.location,
        remedy=suspect.remedy,
        unconfirmed_because=because or "it was not re-run",
    )


def _tried(suspect: Suspect, text: str) -> Evidence:
    return Evidence(f"not {suspect.slug}: {text}")


Enough = Callable[[Comparison], bool]


def _again(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    """Runs the pair again under a counterfactual; returns the new pair, or why that was not possible.

    Args:
        pair: The sides.
        counterfactual: What to change.
        workshop: Where the re-runs are made.
        enough: Whether a divergence of unfinished re-runs refutes the suspect, so that they need not go on.
    """
    try:
        if counterfactual.both or counterfactual.environment_both:
            return _both(pair, counterfactual, workshop, enough)
        if counterfactual.data:
            return _data(pair, workshop, enough)
        if counterfactual.keep is not None:
            return _kept(pair, counterfactual, counterfactual.keep, workshop, enough)
        return _candidate(pair, counterfactual, workshop, enough)
    except SamefitError as error:
        return f"the re-run failed ({str(error).splitlines()[0]})"


def _candidate(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    execution = pair.execution_b.with_transplants(counterfactual.transplants)
    if counterfactual.environment:
        execution = replace(execution, environment={**execution.environment, **counterfactual.environment})
    part = pair.b
    if counterfactual.alone:
        # Alone, the side's trainings are counted from 1 again: all of them are compared.
        part = replace(part, trainings=None)
        execution = execution.only(part.side)
        if execution.options.get("stop_after") is not None:
            execution = execution.ending_after(len(part.run.step_indices([t.number for t in part.selected()])))
    watch = Watch(lambda runs: (pair.a, replace(part, run=runs[0])), enough)
    run = workshop.run((execution, "re-run"), watch=watch)[0]
    if counterfactual.transplants and not run.manifest.get("transplants"):
        return "what was to be changed was not met in the re-run"
    return replace(pair, b=replace(part, run=run), execution_b=execution)


def _both(pair: Pair, counterfactual: Counterfactual, workshop: Workshop, enough: Enough) -> Pair | str:
    def sides(runs: Sequence[Run]) -> tuple[Part, Part]:
        return replace(pair.a, run=runs[0]), replace(pair.b, run=runs[-1])

    watch = Watch(sides, enough)
    first = _changed(pair.execution_a, counterfactual)
    if pair.same_process:
        runs, executions = workshop.run((first, "re-run"), watch=watch), [first, first]
    else:
        first = first.with_transplants(_own_weights(pair))
        second = _changed(pair.execution_b, counterfactual)
        runs = workshop.run((first, "re-run-a"), (second, "re-run-b"), watch=watch)
        executions = [first, second]
    if counterfactual.both and not all(run.manifest.get("transplants") for run in runs):
        return "what was to be changed was not met in the re-run"
    return Pair(*sides(runs), executions[0], executions[1])


def _own_weights(pair: Pair) -> list[dict[str, Any]]:
    """Returns what gives the baseline the first weights again that the candidate has from it.

    Without a seed, the baseline would draw others in a re-run of its own.
    """
    there = pair.execution_a.options.get("transplants") or ()
    found = []
    for item in pair.execution_b.options.get("transplants") or ():
        if item["do"] == "weights" and item["arrays"].startswith("initial-"):
            number = int(item["arrays"].removeprefix("initial-"))
            own = {**item, "training": number, "pairs": {path: path for path in item["pairs"].values()}}
            if own not in there:
                found.append(own)
    return found


def _changed(execution: Execution, counterfactual: Counterfactual) -> Execution:
    environment = {**execution.environment, **counterfactual.environment_both}
    return replace(execution.with_transplants(counterfactual.both), environment=environment)


def _data(pair: Pair, workshop: Workshop, enough: Enough) -> Pair | str:
    keeping = replace(pair.execution_a, options={**pair.execution_a.options, "keep_data": True})
    run = workshop.run((keeping, "re-run-a"))[0]
    plans = []
    again = replace(pair.a, run=run).selected()
    if any(_data_of(one) != _data_of(other) for one, other in zip(pair.a.selected(), again, strict=False)):
        return "the baseline itself gets other data when it runs again: something random in it has no seed"
    for mine, theirs in zip(again, pair.b.selected(), strict=False):
        file = run.path / "arrays" / f"data-{mine.number}.safetensors"
        if file.exists():
            plans.append({"do": "data", "training": theirs.number, "file": str(file)})
    if not plans:
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
    plans = tuple({**plan, "from": str(run.path.absolute())} for plan in counterfactual.transplants)
    return _candidate(pair, replace(counterfactual, transplants=plans, keep=None), workshop, enough)


def suspected(case: Case) -> tuple[Cause, ...]:
    """Returns the most telling suspect of a divergence, without any re-run."""
    return (_unconfirmed(case, suspects(case), []),)
