"""Which detectors are asked at which stage, and in what order."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from samefit.comparison.order import is_in_turn
from samefit.comparison.result import Evidence
from samefit.explain import (
    adapted,
    between,
    callbacks,
    compiled,
    data,
    execution,
    extra,
    flags,
    layers,
    left_behind,
    lengths,
    modes,
    new_weights,
    own_code,
    randomness,
    reporting,
    settings,
    slots,
    unwatched,
    weights,
    wiring,
)
from samefit.explain.case import Case, Suspect
from samefit.types import Stage, When

Detector = Callable[[Case], Iterator[Suspect]]

_DETECTORS: Mapping[Stage, tuple[Detector, ...]] = {
    Stage.INITIAL_WEIGHTS: (
        settings.explain_environment,
        layers.explain_precision,
        layers.explain_seeds_on_one_side,
        weights.explain_initial,
        layers.explain_layers,
        new_weights.explain_new_weights,
        left_behind.explain_alone,
    ),
    Stage.DATA: (
        settings.explain_environment,
        data.explain_data,
        settings.explain_hash_seed,
        settings.explain_program,
    ),
    Stage.RANDOMNESS: (
        settings.explain_environment,
        randomness.explain_randomness,
        layers.explain_layers,
        own_code.explain_own_code,
    ),
    Stage.FORWARD: (
        settings.explain_environment,
        modes.explain_training_flag,
        layers.explain_trainable,
        layers.explain_precision,
        layers.explain_layers,
        wiring.explain_wiring,
        own_code.explain_own_code,
        compiled.explain_compiled,
        execution.explain_execution,
        compiled.explain_fit,
        execution.explain_distribution,
        data.explain_targets,
        adapted.explain_adapted,
        compiled.explain_weighted_batches,
        between.explain_validation,
        callbacks.explain_batch_callbacks,
        settings.explain_backend,
        flags.explain_flags,
        unwatched.explain_operations,
        settings.explain_nondeterminism,
        left_behind.explain_alone,
    ),
    Stage.BACKWARD: (
        settings.explain_environment,
        layers.explain_trainable,
        compiled.explain_compiled,
        execution.explain_execution,
        compiled.explain_fit,
        execution.explain_distribution,
        compiled.explain_weighted_batches,
        layers.explain_layers,
        own_code.explain_own_code,
        slots.explain_slots,
        settings.explain_backend,
        flags.explain_flags,
        settings.explain_nondeterminism,
        left_behind.explain_alone,
    ),
    Stage.UPDATE: (
        settings.explain_environment,
        compiled.explain_compiled,
        execution.explain_execution,
        slots.explain_slots,
        slots.explain_schedule,
        layers.explain_trainable,
        layers.explain_layers,
        own_code.explain_own_code,
        settings.explain_backend,
        flags.explain_flags,
        settings.explain_nondeterminism,
        left_behind.explain_alone,
    ),
    Stage.STATE: (
        slots.explain_slots,
        settings.explain_environment,
        layers.explain_layers,
        own_code.explain_own_code,
        compiled.explain_compiled,
        execution.explain_execution,
        weights.explain_initial,
        settings.explain_backend,
        flags.explain_flags,
    ),
    Stage.REPORTING: (reporting.explain_reporting,),
}


def _detectors(case: Case) -> tuple[Detector, ...]:
    if case.divergence.when is When.AFTER_TRAINING:
        # All steps are equal: nothing that acts in one is behind it.
        return callbacks.explain_callbacks, compiled.explain_compiled, execution.explain_execution
    if case.divergence.when in (When.BETWEEN_EPOCHS, When.BETWEEN_STEPS):
        return callbacks.explain_callbacks, between.explain_validation
    first = (extra.explain_extra_trainings, lengths.explain_lengths, callbacks.explain_ended_earlier)
    if lengths.is_shifted(case):
        return first
    return *first, *_DETECTORS[case.divergence.stage]


FAILED = "samefit itself failed"
"""How evidence begins that tells of a detector that failed."""


def suspects(case: Case) -> tuple[Suspect, ...]:
    """Returns the suspects for a divergence, most telling first; empty if nothing fits.

    A detector that fails is a suspect as well, of the slug `unknown`, behind all others: the verdict stands, and what
    was not looked at is said.
    """
    found: list[Suspect] = []
    for detector in _detectors(case):
        try:
            found.extend(detector(case))
        except Exception as error:  # a mistake of ours must cost neither the verdict nor the other suspects
            found.append(_failed(detector, error))
    # A fact about the very thing that differs comes first, then variables of the environment that merely differ, and
    # last what only repeats that something differs.
    return _with_order(case, _with_what_it_changes(tuple(sorted(found, key=_rank))))


def _rank(suspect: Suspect) -> tuple[bool, bool, bool, bool]:
    return suspect.slug == "unknown", suspect.weak, not suspect.asked, suspect.slug == "environment"


def _with_what_it_changes(found: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    """Adds to a variable that the user gave one side that the seeds differ: a script has made its seed of it."""
    if len(found) < 2 or not found[0].asked or found[1].slug != "different-seed":
        return found
    first, fact = found[0], found[1]
    told = replace(first, evidence=(*first.evidence, *fact.evidence), location=first.location or fact.location)
    return told, *found[1:]


def _with_order(case: Case, found: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    """Says of a generator that was drawn from before that the models are trained in another order, where they are."""
    if not any(is_in_turn(side.trainings) for side in (case.a, case.b)):
        return found
    turns = [1 + sum(t.number < side.training.number for t in side.trainings) for side in (case.a, case.b)]
    if turns[0] == turns[1]:
        return found
    line = Evidence(
        f"this model is trained as number {turns[0]} in the baseline, and as number {turns[1]} in the candidate"
    )
    return tuple(
        replace(
            s, evidence=(line, *s.evidence), remedy=f"train the models in the same order on both sides, or {s.remedy}"
        )
        if s.slug == "generator-advanced"
        else s
        for s in found
    )


def _failed(detector: Detector, error: Exception) -> Suspect:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"line {last.lineno} of {Path(last.filename).name}"
    text = f"{FAILED} while it looked at {_words(detector)}: {type(error).__name__}: {error} ({where})"
    return Suspect(
        slug="unknown",
        summary=f"{text}.",
        evidence=(Evidence(text),),
        remedy="please report this, with the line above and the two runs: what samefit says about where the two part "
        "does not depend on it",
        no_counterfactual=f"{FAILED} on the way to a cause",
        weak=True,
    )


def _words(detector: Detector) -> str:
    return detector.__name__.removeprefix("explain_").replace("_", " ")


def excluded(case: Case) -> tuple[Evidence, ...]:
    """Returns what was looked at and found equal, for a verdict of `unknown`."""
    names = [_words(detector) for detector in _detectors(case)]
    return (
        *(Evidence(f"equal: {text}") for text in case.comparison.equal),
        Evidence(f"looked at without a finding: {', '.join(dict.fromkeys(names))}"),
    )
