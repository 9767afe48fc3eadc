"""Causes that lie in what the first side of a process leaves behind, and no generator of a framework holds."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Suspect


def explain_own_generators(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a generator that the script keeps had been drawn from when the candidate began."""
    if not (case.same_process and case.separable):
        return
    first, second = (
        {e.function: e for e in side.run.events if e.kind == "state" and e.generator == "own" and e.side == side.name}
        for side in (case.a, case.b)
    )
    moved = [name for name in second if name in first and first[name].state != second[name].state]
    if not moved:
        return
    event = second[moved[0]]
    yield Suspect(
        slug="generator-advanced",
        summary=f"{moved[0]}, a generator of the script's own, had been drawn from before the candidate began.",
        evidence=tuple(
            Evidence(
                f"{name} ({second[name].value}) is in another state than before the baseline", "", second[name].location
            )
            for name in moved[:4]
        ),
        location=event.location or case.b.training.location,
        remedy=f"make {moved[0]} anew, with its seed, for each training, or run each in a process of its own",
        counterfactuals=(Counterfactual("the candidate run alone, in a fresh process", alone=True),),
    )


def explain_alone(case: Case) -> Iterator[Suspect]:
    """Yields a last suspect: what the first side left in the process, whatever it is."""
    if not (case.same_process and case.separable):
        return
    yield Suspect(
        slug="state-carried-over",
        summary="Something that the baseline left in the process decides what the candidate gets.",
        evidence=(Evidence("nothing that was recorded explains it: a global of the script, a file, an iterator"),),
        location=case.b.training.location,
        remedy="make what both use anew for each training, or run each in a process of its own",
        counterfactuals=(Counterfactual("the candidate run alone, in a fresh process", alone=True),),
        weak=True,
        needs_proof=True,
    )
