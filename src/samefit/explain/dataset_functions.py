"""Pipelines that a function of a library puts together: what it was given, in place of what it makes of that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain import seed_lines
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.stages import Stage, shown, written
from samefit.store.records import Event
from samefit.types import Location, Samples

Found = tuple[Stage, Stage, Suspect]
"""A stage of the baseline and one of the candidate that is not the same, and what was said of them."""

_OF_SEEDS = ("different-seed", "unseeded")

_Difference = tuple[str, Any, Any]
"""A parameter, and what each side gave for it."""


def explain_functions(case: Case, pairs: Iterable[tuple[Stage, Stage]]) -> Iterator[Suspect]:
    """Yields a suspect for each call of a function that was given something else and makes the same stages of it.

    What these do with the samples may differ all the same: `interpolation="nearest"` is another function in a `map`.
    """
    told = set()
    for one, other in pairs:
        call = (one.location, other.location)
        if call not in told and _differing(one, other):
            told.add(call)
            slug = "data-order" if case.divergence.samples is Samples.REORDERED else "data-content"
            yield replace(_in_terms(one, other, Suspect(slug, ""), ()), weak=True)


def in_terms_of_functions(case: Case, found: Iterable[Found]) -> Iterator[Suspect]:
    """Yields what was found, in terms of what the user's line calls.

    `timeseries_dataset_from_array(sampling_rate=2)` makes a `range` of other numbers, and maps otherwise over it: that
    is one cause, and nothing of it stands in the user's line. Seeds are spoken of by themselves.

    Args:
        case: The case.
        found: What was found, stage by stage.
    """
    calls: dict[tuple[Location, Location], list[Found]] = {}
    for one, other, suspect in found:
        if not _differing(one, other):
            yield suspect
        elif suspect.slug in _OF_SEEDS:
            yield _of_seeds(case, one, other, suspect)
        else:
            calls.setdefault((one.location, other.location), []).append((one, other, suspect))
    for stages in calls.values():
        yield _in_terms(*stages[0], fixes=_joined([suspect for *_, suspect in stages]))


def _of_seeds(case: Case, one: Stage, other: Stage, suspect: Suspect) -> Suspect:
    seeds = [(mine, theirs) for name, mine, theirs in _differing(one, other) if name == "seed"]
    if not seeds or not all(isinstance(seed, int) for seed in seeds[0]):
        return suspect
    (mine, theirs), fixes = seeds[0], suspect.counterfactuals
    made_a, made_b = _made_of(case.a, one, mine), _made_of(case.b, other, theirs)
    if fixes and made_a is not None and made_b is not None:
        # It shuffles by itself as well, with a generator of that seed.
        in_turn = seed_lines.seeds_in_turn(case, made_a, made_b)
        own = seed_lines.same_seeds(made_a, made_b, in_turn, place(other.location))
        fixes = tuple(replace(fix, transplants=(*fixes[0].transplants, *fix.transplants)) for fix in own)
    return replace(
        suspect,
        summary=f"{one.within} was given the seed {mine} on one side and {theirs} on the other.",
        remedy=f"give {one.within} one seed on both sides, such as {mine}",
        counterfactuals=fixes,
    )


def _made_of(side: Side, stage: Stage, seed: int) -> Event | None:
    """Returns the entry of the generator that the function behind a stage makes of its seed; None if it makes none."""
    made = (e for e in side.events if e.kind == "create" and (e.location, e.keras) == (stage.location, stage.within))
    return next((event for event in made if event.value == seed), None)


def _joined(suspects: list[Suspect]) -> tuple[Counterfactual, ...]:
    """Returns the re-run that gives all stages of a call what the baseline's have, if each can be given it.

    To leave a stage out is not enough: a function that shuffles may have shuffled by itself before.
    """
    plans = [plan for suspect in suspects for fix in suspect.counterfactuals[:1] for plan in fix.transplants]
    if len(plans) < len(suspects) or any(plan["do"] != "pipeline" for plan in plans):
        return ()
    texts = [suspect.counterfactuals[0].text for suspect in suspects]
    return (Counterfactual(", and ".join(texts), tuple(plans)),)


def _differing(one: Stage, other: Stage) -> list[_Difference]:
    if not one.within or one.within != other.within:
        return []
    return [
        (name, value, other.given[name])
        for name, value in one.given.items()
        if name in other.given and value != other.given[name]
    ]


def _in_terms(one: Stage, other: Stage, suspect: Suspect, fixes: tuple[Counterfactual, ...]) -> Suspect:
    differing = _differing(one, other)
    first, second = (", ".join(f"{name}={shown(values[side])}" for name, *values in differing) for side in (0, 1))
    told = [
        Evidence(f"{stage.within}({given}) at {place(stage.location)}", role, stage.location)
        for stage, given, role in ((one, first, "baseline"), (other, second, "candidate"))
    ]
    wanted = ", ".join(f"{name}={written(mine)}" for name, mine, _ in differing)
    return replace(
        suspect,
        summary=f"{one.within} was given {first} on one side and {second} on the other.",
        evidence=(*told, *suspect.evidence),
        remedy=f"{one.within}(..., {wanted})  on both sides",
        counterfactuals=fixes,
        no_counterfactual=""
        if fixes
        else f"samefit gives {one.within} no other arguments: it changes the stages of a pipeline",
    )
