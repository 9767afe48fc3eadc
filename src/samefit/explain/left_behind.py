"""Causes that lie in what came before in the process, and no generator of a framework holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.store.records import Event, generator_digest


def explain_own_generators(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a generator that the script keeps had been drawn from when the candidate began."""
    if not case.same_process:
        return
    sides = case.separable
    first, second = (_own_generators(side, None if sides else side.training.number) for side in (case.a, case.b))
    moved = [event for key, event in second.items() if key in first and first[key].state != event.state]
    if sides:
        moved += [event for key, event in second.items() if key not in first and _has_moved(case.b, event)]
    if sides and moved:
        # One re-run shows it for all of them.
        alone = Counterfactual("the candidate run alone, in a fresh process", alone=True)
        yield _had_been_drawn_from(case, moved, (alone,))
    for event in () if sides else moved[:_MOST]:
        yield from _before_the_training(case, event)


_MOST = 3
"""So many such generators are looked at: each takes a re-run or two."""


def _own_generators(side: Side, training: int | None) -> Mapping[str, Event]:
    """Returns what was seen of such generators first when a side had begun, or one of its trainings, by their keys."""
    first: dict[str, Event] = {}
    for event in side.run.events:
        if (event.kind, event.generator, event.side, event.training) == ("state", "own", side.name, training):
            first.setdefault(event.component or event.function, event)
    return first


def _has_moved(side: Side, event: Event) -> bool:
    """Whether a generator that the side before has made, in a module of both, was drawn from when a side began."""
    key = event.component
    # The names of a script go with it.
    if key.startswith("own:__main__:"):
        return False
    seeded = side.run.generator_states(f"side:{side.name}").get(f"first:{key}")
    return seeded is not None and generator_digest(seeded) != event.state


def _had_been_drawn_from(case: Case, moved: list[Event], fixes: tuple[Counterfactual, ...]) -> Suspect:
    name = moved[0].function
    return Suspect(
        slug="generator-advanced",
        summary=f"{name}, a generator of the script's own, had been drawn from before the candidate began.",
        evidence=tuple(
            Evidence(f"{e.function} ({e.value}) is in another state than it was in for the baseline", "", e.location)
            for e in moved[:4]
        ),
        location=moved[0].location or case.b.training.location,
        remedy=f"make {name} anew, with its seed, for each training, or run each in a process of its own",
        counterfactuals=fixes,
    )


def _before_the_training(case: Case, event: Event) -> Iterator[Suspect]:
    """Yields a suspect for one generator that stood elsewhere before two trainings of one script."""
    one, other, key, name = case.a.training.number, case.b.training.number, event.component, event.function
    states, theirs = (case.a.run.generator_states(f"training:{number}") for number in (one, other))
    if key not in states:
        return
    plan = {"do": "generators", "at": "training", "training": other, "states": {key: states[key].hex()}}
    put_back = Counterfactual(f"{name} put back before #{other}", (plan,))
    seeds = states.get(f"first:{key}"), theirs.get(f"first:{key}")
    if None not in seeds and seeds[0] != seeds[1]:
        yield Suspect(
            slug="different-seed",
            summary=f"{name}, a generator of the script's own, was made with another seed for the candidate.",
            evidence=(
                Evidence(f"{name} ({event.value}) began elsewhere for #{other} than for #{one}", "", event.location),
            ),
            location=event.location or case.b.training.location,
            remedy=f"make {name} with the same seed for both",
            counterfactuals=(put_back,),
        )
        return
    fixes = [put_back]
    if one == 1 and None not in seeds:
        # What was drawn before `fit` was drawn before it could be put back there. Some know the seed that they had.
        anew = {"do": "anew", "after": other - 1, "keys": [key]}
        fixes.append(Counterfactual(f"{name} made anew after #{other - 1}", (anew,)))
    yield _had_been_drawn_from(case, [event], tuple(fixes))


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
