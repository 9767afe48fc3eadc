"""Causes that lie in what came before in the process, and no generator of a framework holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.store.records import Event


def explain_own_generators(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a generator that the script keeps had been drawn from when the candidate began."""
    if not case.same_process:
        return
    sides = case.separable
    first, second = (_own_generators(side, None if sides else side.training.number) for side in (case.a, case.b))
    moved = [name for name in second if name in first and first[name].state != second[name].state]
    if not moved:
        return
    event = second[moved[0]]
    alone = Counterfactual("the candidate run alone, in a fresh process", alone=True)
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
        counterfactuals=(alone,) if sides else tuple(_put_back(case, moved)),
    )


def _own_generators(side: Side, training: int | None) -> Mapping[str, Event]:
    """Returns what was seen of such generators when a side began, or one of its trainings, by their names."""
    return {
        e.function: e
        for e in side.run.events
        if e.kind == "state" and e.generator == "own" and e.side == side.name and e.training == training
    }


def _put_back(case: Case, moved: list[str]) -> Iterator[Counterfactual]:
    """Yields re-runs in which they stand as they did for the baseline: in `fit`, or already for what precedes it."""
    one, other = case.a.training.number, case.b.training.number
    states = case.a.run.generator_states(f"training:{one}")
    keys = [key for key in states if key.startswith("own:") and key.rpartition(":")[2] in moved]
    if not keys:
        return
    names = ", ".join(moved)
    restored = {key: states[key].hex() for key in keys}
    plan = {"do": "generators", "at": "training", "training": other, "states": restored}
    yield Counterfactual(f"{names} put back before #{other}", (plan,))
    if one == 1:
        anew = {"do": "anew", "after": other - 1, "keys": keys}
        yield Counterfactual(f"{names} made anew after #{other - 1}", (anew,))


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
