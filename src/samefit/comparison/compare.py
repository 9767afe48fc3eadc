"""Where do two recorded trainings part? Step by step, in causal order, over all that each side trained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from samefit.align import Alignment
from samefit.comparison import quantities
from samefit.comparison.result import AlignmentSummary, Comparison, Divergence, SideSummary
from samefit.comparison.settings import differences
from samefit.comparison.steps import Finding, Pairing, StepScan
from samefit.errors import SelectionError
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Stage, Verdict


def parse_selection(text: str) -> tuple[Path, tuple[int, ...] | None]:
    """Splits "RUN#2" or "RUN#1,2" into the path and the numbers of trainings (None: all).

    Raises:
        SelectionError: If what follows "#" is not a list of numbers.
    """
    path, mark, numbers = str(text).partition("#")
    if not mark:
        return Path(path), None
    if not re.fullmatch(r"\d+(,\d+)*", numbers):
        raise SelectionError(f"'{text}' does not select trainings: write RUN#1 or RUN#1,2.")
    return Path(path), tuple(int(number) for number in numbers.split(","))


def compare(a: str | Path | Run, b: str | Path | Run) -> Comparison:
    """Compares two recorded trainings.

    Args:
        a: The baseline: a `Run`, or its path with an optional selection ("baseline.run#2").
        b: The candidate, likewise.

    Returns:
        The comparison; its causes are not looked for (`samefit.check` does).

    Raises:
        RunError: If a run cannot be read.
        SelectionError: If a training is not there.
    """
    (run_a, numbers_a), (run_b, numbers_b) = _opened(a), _opened(b)
    return compare_trainings(run_a, run_b, numbers_a, numbers_b)


def _opened(what: str | Path | Run) -> tuple[Run, tuple[int, ...] | None]:
    if isinstance(what, Run):
        return what, None
    path, numbers = parse_selection(str(what))
    return Run.open(path), numbers


def compare_trainings(
    run_a: Run, run_b: Run, trainings_a: Sequence[int] | None = None, trainings_b: Sequence[int] | None = None,
    *, side_a: str | None = None, side_b: str | None = None,
) -> Comparison:
    """Compares everything that two sides trained, in order, as one sequence of steps.

    Args:
        run_a: The baseline's run.
        run_b: The candidate's run.
        trainings_a: Numbers of the baseline's trainings; all by default.
        trainings_b: The same for the candidate.
        side_a: Name of the baseline's side in a same-process run.
        side_b: The same for the candidate.

    Raises:
        SelectionError: If a training is not there.
    """
    first, second = _selected(run_a, trainings_a, side_a), _selected(run_b, trainings_b, side_b)
    pairing = Pairing(run_a, run_b, first, second)
    scan = StepScan(pairing)
    finding, effect = scan.first()
    common = min(len(pairing.steps_a), len(pairing.steps_b))
    notes = [*scan.notes]
    if finding is not None and not effect:
        notes.append(f"{finding.path} differs before step {finding.position + 1}, without any effect on the training.")
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
        equal=_equal(pairing, finding),
    )
    verdict, why = _verdict(pairing, scan, finding, run_a, run_b)
    return replace(comparison, verdict=verdict, notes=(*why, *notes))


def _selected(run: Run, numbers: Sequence[int] | None, side: str | None) -> tuple[TrainingRecord, ...]:
    trainings = run.trainings if numbers is None else tuple(run.training(number) for number in numbers)
    return tuple(t for t in trainings if side is None or t.side == side)


def _verdict(
    pairing: Pairing, scan: StepScan, finding: Finding | None, run_a: Run, run_b: Run
) -> tuple[Verdict, list[str]]:
    lengths = (len(pairing.steps_a), len(pairing.steps_b))
    if min(lengths) == 0:
        empty = [role for role, n in zip(("baseline", "candidate"), lengths, strict=True) if n == 0]
        return Verdict.NOT_COMPARABLE, [f"The {' and the '.join(empty)} recorded no training step."]
    if finding is not None:
        return Verdict.DIVERGED, []
    if not (scan.states_compared and scan.losses_compared):
        missing = "no weights" if not scan.states_compared else "no loss"
        return Verdict.NOT_COMPARABLE, [f"In {min(lengths)} pairs of steps {missing} could be compared."]
    if lengths[0] != lengths[1]:
        return Verdict.INCOMPLETE, [
            f"The first {min(lengths)} steps are equal; the baseline has {lengths[0]} and the candidate {lengths[1]}."
        ]
    broken = [
        f"The {role}'s run is {run.status}" + (": " + str(run.manifest["recording_failed"]) if "recording_failed" in run.manifest else "")
        for role, run in (("baseline", run_a), ("candidate", run_b))
        if run.status != "complete" or "recording_failed" in run.manifest
    ]
    if broken:
        return Verdict.INCOMPLETE, [f"{text}; all {lengths[0]} recorded steps are equal." for text in broken]
    return Verdict.IDENTICAL, []


def _divergence(pairing: Pairing, finding: Finding) -> Divergence:
    step_a = pairing.steps_a[finding.position]
    step_b = pairing.steps_b[finding.position]
    return Divergence(
        training=step_a.training, candidate_training=step_b.training, epoch=step_a.epoch + 1,
        step=finding.position + 1, step_in_epoch=step_a.step + 1, stage=finding.stage, path=finding.path,
        detail=finding.detail, num_paths=finding.num_paths,
    )


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
        run=str(run.path), target=str(run.manifest.get("target", "")), trainings=tuple(t.number for t in trainings),
        models=tuple(labels), locations=tuple(t.location for t in trainings), steps=steps,
        backend=str(run.manifest.get("backend", "")), versions=dict(run.manifest.get("versions") or {}),
        device=str(run.manifest.get("device", "")), status=run.status,
    )


def _settings(pairing: Pairing, finding: Finding | None):  # type: ignore[no-untyped-def]
    position = finding.position if finding is not None else 0
    if position >= min(len(pairing.steps_a), len(pairing.steps_b)):
        return ()
    a, b = pairing.trainings_at(position)
    return differences(pairing.run_a, a, pairing.run_b, b, pairing.alignment_at(position))


def _alignment_summary(pairing: Pairing) -> AlignmentSummary:
    if not pairing.steps_a or not pairing.steps_b:
        return AlignmentSummary("none", 0)
    alignment = pairing.alignment_at(0)
    layout_a, layout_b = pairing.layouts_at(0)
    return AlignmentSummary(
        method=alignment.method, pairs=len(pairing.weights(alignment, layout_a)),
        only_in_baseline=tuple(layout_a[i].path for i in alignment.only_in_a),
        only_in_candidate=tuple(layout_b[j].path for j in alignment.only_in_b),
        confidence=alignment.confidence, note=alignment.note,
    )


def _equal(pairing: Pairing, finding: Finding | None) -> tuple[str, ...]:
    """What was found equal, in words."""
    if not pairing.steps_a or not pairing.steps_b:
        return ()
    alignment: Alignment = pairing.alignment_at(0)
    layout_a, _ = pairing.layouts_at(0)
    texts = []
    if not alignment.only_in_a and not alignment.only_in_b:
        number = len(pairing.weights(alignment, layout_a))
        by = "path" if alignment.method == "path" else "execution order"
        texts.append(f"structure ({number} weights, aligned by {by})")
    if finding is None or finding.position > 0 or finding.stage is not Stage.INITIAL_WEIGHTS:
        texts.append("initial weights")
    a, b = pairing.trainings_at(finding.position if finding is not None else 0)
    if a.compiled.get("optimizer") == b.compiled.get("optimizer") and a.compiled.get("optimizer"):
        texts.append("optimizer")
    if a.compiled.get("loss") == b.compiled.get("loss"):
        texts.append("loss function")
    rows = (a.options.get("rows"), b.options.get("rows"))
    if finding is None or finding.stage is not Stage.DATA:
        texts.append("batches")
    elif rows[0] is not None and rows[0] == rows[1]:
        texts.append("content of the data")
    if finding is not None and finding.position > 0:
        texts.append(f"the first {finding.position} steps")
    return tuple(texts)


