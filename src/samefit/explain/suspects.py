"""Which detectors are asked at which stage, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from samefit.comparison.result import Evidence
from samefit.explain import data, randomness, settings, weights
from samefit.explain.case import Case, Suspect
from samefit.types import Stage

Detector = Callable[[Case], Iterator[Suspect]]

_DETECTORS: Mapping[Stage, tuple[Detector, ...]] = {
    Stage.INITIAL_WEIGHTS: (
        settings.explain_environment,
        settings.explain_precision,
        weights.explain_initial,
        settings.explain_layers,
    ),
    Stage.DATA: (settings.explain_environment, data.explain, settings.explain_hash_seed),
    Stage.RANDOMNESS: (settings.explain_environment, randomness.explain, settings.explain_layers),
    Stage.FORWARD: (
        settings.explain_environment,
        settings.explain_training_flag,
        settings.explain_precision,
        settings.explain_layers,
        settings.explain_compiled,
        settings.explain_fit,
        settings.explain_backend,
    ),
    Stage.BACKWARD: (
        settings.explain_environment,
        settings.explain_trainable,
        settings.explain_compiled,
        settings.explain_layers,
        weights.explain_slots,
        settings.explain_backend,
    ),
    Stage.UPDATE: (
        settings.explain_environment,
        settings.explain_compiled,
        weights.explain_slots,
        settings.explain_trainable,
        settings.explain_backend,
    ),
    Stage.STATE: (
        weights.explain_slots,
        settings.explain_environment,
        settings.explain_layers,
        settings.explain_compiled,
        weights.explain_initial,
        settings.explain_backend,
    ),
    Stage.REPORTING: (settings.explain_compiled,),
}


def suspects(case: Case) -> tuple[Suspect, ...]:
    """Returns the suspects for a divergence, most telling first; empty if nothing fits."""
    found = [suspect for detector in _DETECTORS[case.divergence.stage] for suspect in detector(case)]
    # A fact about the very thing that differs comes first, then variables of the environment that merely differ, and
    # last what only repeats that something differs.
    return tuple(sorted(found, key=lambda suspect: 2 * suspect.weak + (suspect.slug == "environment")))


def excluded(case: Case) -> tuple[Evidence, ...]:
    """Returns what was looked at and found equal, for a verdict of `unknown`."""
    names = [
        detector.__name__.removeprefix("explain_").replace("_", " ") for detector in _DETECTORS[case.divergence.stage]
    ]
    return (
        *(Evidence(f"equal: {text}") for text in case.comparison.equal),
        Evidence(f"looked at without a finding: {', '.join(dict.fromkeys(names))}"),
    )
