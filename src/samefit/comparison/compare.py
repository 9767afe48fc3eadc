"""Where do two recorded trainings part? Step by step, in causal order, over all that each side trained."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from samefit.align import Alignment
from samefit.comparison import coverage, quantities
from samefit.comparison.compiled import LOSSES, OPTIMIZERS, parts_of
from samefit.comparison.coverage import Asked
from samefit.comparison.finding import Finding
from samefit.comparison.order import in_order_of, ordered, other_order
from samefit.comparison.pairing import MISSING, Pairing, at
from samefit.comparison.result import AlignmentSummary, Comparison, Divergence, SettingDifference, SideSummary
from samefit.comparison.settings import differences, fit_differences
from samefit.comparison.steps import StepScan
from samefit.comparison.values import same_value
from samefit.errors import SelectionError
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Stage, Verdict, When


def parse_selection(text: str) -> tuple[Path, tuple[int, ...] | None]:
    """Splits "RUN#2" or "RUN#1,2" into the path and the numbers of trainings (None: all).

    Raises:
        SelectionError: If what follows "#" is not a list of numbers.
    """
    path, mark, numbers = str(text).rpartition("#")
    if not mark or Path(text).exists():  # a directory may have "#" in its name
        return Path(text), None
    if not re.fullmatch(r"\d+(,\d+)*", numbers):
        raise SelectionError(f"'{text}' does not select trainings: write RUN#1 or RUN#1,2.")
    return Path(path), tuple(int(number) for number in numbers.split(","))


def compare(a: str | Path | Run, b: str | Path | Run) -> Comparison:
    """Compares two recorded trainings and says where they part, not why.

    Args:
        a: The baseline: a `Run`, or its path with an optional selection ("baseline.run#2").
        b: The candidate, likewise.

    Returns:
        The comparison; its causes are not looked for.

    Raises:
        RunError: If a run cannot be read.
        SelectionError: If a training is not there.
    """
    with ExitStack() as stack:
        (run_a, numbers_a), (run_b, numbers_b) = opened(a, stack), opened(b, stack)
        return compare_trainings(run_a, run_b, numbers_a, numbers_b)


def opened(what: str | Path | Run, stack: ExitStack) -> tuple[Run, tuple[int, ...] | None]:
    """Opens a run that a path or a selection names, until `stack` is closed.

    Returns:
        The run, and the numbers of the trainings that are selected (None: all).

    Raises:
        RunError: If it cannot be read.
        SelectionError: If what follows "#" is not a list of numbers.
    """
    if isinstance(what, Run):
        return what, None
    path, numbers = parse_selection(str(what))
    return stack.enter_context(Run.open(path)), numbers


def compare_trainings(
    run_a: Run,
    run_b: Run,
    trainings_a: Sequence[int] | None = None,
    trainings_b: Sequence[int] | None = None,
    *,
    side_a: str | None = None,
    side_b: str | None = None,
    orders: tuple[Sequence[int], Sequence[int]] | None = None,
) -> Comparison:
    """Compares everything that two sides trained, in order, as one sequence of steps.

    Where both train the same models and not in one order, they are compared in that of the baseline.

    Args:
        run_a: The baseline's run.
        run_b: The candidate's run.
        trainings_a: Numbers of the baseline's trainings; all by default.
        trainings_b: The same for the candidate.
        side_a: Name of the baseline's side in a same-process run.
        side_b: The same for the candidate.
        orders: Numbers of the trainings of both sides in the order in which they belong together, empty for that of the
            runs; None where it is not known yet.

    Raises:
        SelectionError: If a training is not there.
    """
    first, second = _selected(run_a, trainings_a, side_a), _selected(run_b, trainings_b, side_b)
    if orders is None:
        second = in_order_of(run_a, first, run_b, second)
    else:
        first, second = (ordered(own, order) for own, order in zip((first, second), orders, strict=True))
    pairing = Pairing(run_a, run_b, first, second)
    scan = StepScan(pairing)
    finding, effect = scan.first()
    common = min(len(pairing.steps_a), len(pairing.steps_b))
    notes = [*scan.notes(), *other_order(first, second)]
    if finding is not None and not effect:
        notes.append(f"{finding.path} differs before step {finding.position + 1}, without any effect on the training.")
        finding = None
    if finding is not None and finding.stage is Stage.REPORTING and len(pairing.steps_a) != len(pairing.steps_b):
        # That one side trains for longer comes before what is logged of the steps that both have.
        notes.append(f"What was logged differs from step {finding.position + 1} on ({finding.path}: {finding.detail}).")
        finding = None
    comparison = Comparison(
        verdict=Verdict.IDENTICAL,
        baseline=_summary(run_a, first, len(pairing.steps_a)),
        candidate=_summary(run_b, second, len(pairing.steps_b)),
        first_divergence=None if finding is None else _divergence(pairing, finding),
        differences=quantities.all_differences(pairing, first, second),
        settings=_settings(pairing, finding),
        alignment=_alignment_summary(pairing),
        steps_compared=common,
        equal=_equal(pairing, scan, finding),
    )
    selected = trainings_a is not None or trainings_b is not None or side_a is not None or side_b is not None
    unseen = (
        0 if trainings_a is not None else run_a.unseen_updates(side_a),
        0 if trainings_b is not None else run_b.unseen_updates(side_b),
    )
    elsewhere = (
        0 if trainings_a is not None else coverage.trained_elsewhere(run_a),
        0 if trainings_b is not None else coverage.trained_elsewhere(run_b),
    )
    asked = Asked((first, second), selected, unseen, elsewhere)
    verdict, why = coverage.verdict(pairing, scan.coverage, asked, differs=finding is not None)
    if verdict is Verdict.NOT_COMPARABLE:
        # Of two models without one weight in common it cannot be said where they part.
        comparison = replace(comparison, first_divergence=None, equal=())
    return replace(comparison, verdict=verdict, notes=(*why, *_ended_early(pairing, verdict), *notes))


def _ended_early(pairing: Pairing, verdict: Verdict) -> Iterator[str]:
    """Yields what `fit` was given otherwise where one side trains for longer: epochs, the patience of a callback."""
    if verdict is not Verdict.INCOMPLETE or len(pairing.steps_a) == len(pairing.steps_b):
        return
    a, b = pairing.trainings_at(len(pairing) - 1)
    found = [f"{s.name}: {s.baseline!r} and {s.candidate!r}" for s in fit_differences(a.options, b.options)]
    if found:
        yield f"The two fit calls are not given the same: {', '.join(found[:4])}."


def _selected(run: Run, numbers: Sequence[int] | None, side: str | None) -> tuple[TrainingRecord, ...]:
    # In the order of the run, however they are asked for.
    trainings = run.trainings if numbers is None else tuple(run.training(number) for number in sorted({*numbers}))
    return tuple(t for t in trainings if side is None or t.side == side)


def _divergence(pairing: Pairing, finding: Finding) -> Divergence:
    step_a = pairing.steps_a[finding.position]
    step_b = pairing.steps_b[finding.position]
    return Divergence(
        training=step_a.training,
        candidate_training=step_b.training,
        epoch=step_a.epoch + 1,
        step=finding.position + 1,
        step_in_epoch=step_a.step + 1,
        stage=finding.stage,
        path=finding.path,
        detail=finding.detail,
        num_paths=finding.num_paths,
        known_equal=_known_equal(pairing, finding),
        when=finding.when,
        samples=finding.samples,
    )


def _known_equal(pairing: Pairing, finding: Finding) -> int | None:
    """Returns how many steps before a finding are known to be equal; None where these are all of them."""
    if finding.when is When.AFTER_TRAINING or finding.stage is Stage.REPORTING:
        # All steps, and what they end with, were found equal before it was looked at.
        return None
    return pairing.known_equal(finding.position)


def _summary(run: Run, trainings: Sequence[TrainingRecord], steps: int) -> SideSummary:
    labels = []
    for training in trainings:
        model = run.models.get(training.model)
        if model is None:
            labels.append("?")
        elif model.class_name in ("Sequential", "Functional"):
            labels.append(f'{model.class_name} "{model.name}"')
        else:
            labels.append(model.class_name)
    return SideSummary(
        run=str(run.path),
        target=str(run.manifest.get("target", "")),
        trainings=tuple(t.number for t in trainings),
        models=tuple(labels),
        locations=tuple(t.location for t in trainings),
        steps=steps,
        backend=str(run.manifest.get("backend", "")),
        versions=dict(run.manifest.get("versions") or {}),
        device=str(run.manifest.get("device", "")),
        status=run.status,
    )


def _settings(pairing: Pairing, finding: Finding | None) -> tuple[SettingDifference, ...]:
    position = finding.position if finding is not None else 0
    if position >= len(pairing):
        return ()
    a, b = pairing.trainings_at(position)
    if a.model not in pairing.run_a.models or b.model not in pairing.run_b.models:
        return ()
    return differences(pairing.run_a, a, pairing.run_b, b, pairing.alignment_at(position))


def _alignment_summary(pairing: Pairing) -> AlignmentSummary:
    if not pairing.steps_a or not pairing.steps_b:
        return AlignmentSummary("none", 0)
    alignment = pairing.alignment_at(0)
    layout_a, layout_b = pairing.layouts_at(0)
    return AlignmentSummary(
        method=alignment.method,
        pairs=len(pairing.weights(alignment, layout_a)),
        only_in_baseline=tuple(layout_a[i].path for i in alignment.only_in_a),
        only_in_candidate=tuple(layout_b[j].path for j in alignment.only_in_b),
        confidence=alignment.confidence,
        note=alignment.note,
    )


def _equal(pairing: Pairing, scan: StepScan, finding: Finding | None) -> tuple[str, ...]:
    """What was found equal, in words; nothing that was not looked at."""
    if not len(pairing):
        return ()
    a, b = pairing.trainings_at(finding.position if finding is not None else 0)
    texts = [*_equal_structure(pairing, finding)]
    texts += [
        words
        for keys, words in ((OPTIMIZERS, "optimizer"), (LOSSES, "loss function"))
        if (parts := parts_of(a.compiled, keys)) and same_value(parts, parts_of(b.compiled, keys))
    ]
    if scan.same_samples:
        texts.append("content of the data")
    elif scan.coverage.batches and (
        finding is None or (finding.stage not in _BEFORE_DATA and finding.stage is not Stage.DATA)
    ):
        texts += ["samples"] if scan.reweighted else _equal_batches(pairing, scan, finding)
    if finding is not None and (finding.when is When.AFTER_TRAINING or finding.stage is Stage.REPORTING):
        # What is only logged is said to differ if nothing else does, to the end.
        number = finding.position + 1 if finding.when is When.AFTER_TRAINING else len(pairing)
        texts.append(f"all {number} steps" if number > 1 else "the step")
    elif finding is not None:
        known = _known_equal(pairing, finding)
        number = finding.position if known is None else known
        texts += [f"the first {number} steps" if number > 1 else "the first step"] if number else []
    return tuple(texts)


_BEFORE_DATA = (Stage.INITIAL_WEIGHTS,)


def _equal_batches(pairing: Pairing, scan: StepScan, finding: Finding | None) -> list[str]:
    """Returns which batches are equal, those after the first difference included: the scan did not look at them."""
    later = () if finding is None else pairing.texts(finding.position)
    number = next((p for p, (one, *_), (other, *_) in later if one != other and None not in (one, other)), None)
    if number is None:
        return ["the batches that were read" if scan.coverage.unseen_batches else "batches"]
    if not number:
        return []
    return ["the first batch" if number == 1 else f"the first {number} batches"]


def _equal_structure(pairing: Pairing, finding: Finding | None) -> Iterator[str]:
    alignment: Alignment = pairing.alignment_at(0)
    layout_a, _ = pairing.layouts_at(0)
    number = len(pairing.weights(alignment, layout_a))
    if number and not alignment.only_in_a and not alignment.only_in_b:
        by = "path" if alignment.method == "path" else "execution order"
        yield f"structure ({number} {'weight' if number == 1 else 'weights'}, aligned by {by})"
    same = finding is None or finding.stage is not Stage.INITIAL_WEIGHTS
    if same and _knows_initial_weights(pairing):
        yield "initial weights"


def _knows_initial_weights(pairing: Pairing) -> bool:
    """Whether any weight is known on both sides before the first step; a loop that calls `Recorder.step` has none."""
    first, second = pairing.states_before(0)
    if first is None or second is None:
        return False
    pairs = pairing.weights(pairing.align(0, first, second), pairing.run_a.layouts[first.layout])
    return any(MISSING not in (at(first, i), at(second, j)) for i, j in pairs)
