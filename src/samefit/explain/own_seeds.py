"""Causes in the seeds of generators that are made anew: by the user's own line, or by a function of a library."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.explain import generators, library_seeds
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.store.records import Event
from samefit.types import WITHOUT_SEED

_STATE = "numpy.random.RandomState"
_PYTHON = "random.Random"
_MAKERS = ("numpy.random.default_rng", _STATE, _PYTHON)
"""What takes entropy of the operating system where a line of the user's gives it no seed."""


def explain_own_seeds(case: Case, ends: tuple[int, int]) -> Iterator[Suspect]:
    """Yields suspects where such a generator got another seed, or got one on one side alone.

    Args:
        case: The case.
        ends: The event of each side behind which nothing counts any more.
    """
    told = set()
    lines_told = set()
    pairs = list(_pairs(_made(case.a, ends[0]), _made(case.b, ends[1])))
    for one, other in pairs:
        key = (one.location, one.value, other.location, other.value)
        if key in told or (one.kind == other.kind and one.value == other.value):
            continue
        told.add(key)
        if {one.kind, other.kind} == {"create", "draw"}:
            yield _on_one_side(case, one, other)
            continue
        # The n-th of a line in a loop has a value of its own, and the cause is one.
        lines = (one.location, other.location)
        if lines in lines_told:
            continue
        if {one.kind, other.kind} == {"create", "entropy"}:
            lines_told.add(lines)
            yield _by_entropy(case, [pair for pair in pairs if (pair[0].location, pair[1].location) == lines])
        elif one.kind == "create" and not (
            library_seeds.drawn_seed(case.a, one) and library_seeds.drawn_seed(case.b, other)
        ):
            lines_told.add(lines)
            yield _other(case, one, other)


def _made(side: Side, end: int) -> list[Event]:
    """Returns what was made with a seed, and what was given none: it takes entropy, or the process's generator."""
    return [
        e
        for e in side.events
        if (
            e.kind == "create"
            or (e.kind == "draw" and e.function.endswith(WITHOUT_SEED))
            or (e.kind == "entropy" and made_without_seed(e) and e.location is not None and not e.location.imports)
        )
        and e.id < end
        and (not side.name or e.side == side.name)
    ]


def _pairs(first: list[Event], second: list[Event]) -> Iterator[tuple[Event, Event]]:
    """Yields what belongs together: the n-th of a function and the n-th, if there are equally many.

    Those with a seed belong to each other where only of those without one there are more on one side.
    """
    for maker in dict.fromkeys(_maker(event) for event in first):
        ours = [event for event in first if _maker(event) == maker]
        theirs = [event for event in second if _maker(event) == maker]
        if len(ours) != len(theirs):
            ours, theirs = ([event for event in side if event.kind == "create"] for side in (ours, theirs))
        if len(ours) == len(theirs):
            yield from zip(ours, theirs, strict=True)


def made_without_seed(event: Event) -> str:
    """Returns which generator took entropy, by what stands in the user's line, such as "random.Random"; "" for none.

    What the line calls by another name was looked up when it ran.
    """
    if event.keras in _MAKERS:
        return event.keras
    code = (event.location.code if event.location is not None else None) or ""
    makers = [_PYTHON] if event.function == _PYTHON else [maker for maker in _MAKERS if maker != _PYTHON]
    return next((maker for maker in makers if re.search(rf"\b{maker.rpartition('.')[2]}\(", code)), "")


def without_seed(maker: str) -> str:
    """Returns the call of such a generator as a user writes it."""
    return f"{maker.removeprefix('numpy.random.')}()"


def _maker(event: Event) -> str:
    """Returns the function of a library that makes a generator, or else what the user's line itself calls."""
    if event.kind == "entropy":
        return made_without_seed(event)
    return event.function.removesuffix(WITHOUT_SEED) if event.kind == "draw" else event.keras or event.function


def _other(case: Case, one: Event, other: Event) -> Suspect:
    suspect = generators.other_seed(case, other.function, one, other, ())
    maker = _maker(other)
    if maker == other.function:
        return suspect
    return replace(
        suspect,
        summary=f"{maker} was given the seed {one.value} on one side and {other.value} on the other.",
        evidence=tuple(
            Evidence(f"{maker} makes {event.function}({event.value}) at {place(event.location)}", role, event.location)
            for event, role in ((one, "baseline"), (other, "candidate"))
        ),
        remedy=f"give {maker} one seed on both sides, such as {one.value}",
    )


def _on_one_side(case: Case, one: Event, other: Event) -> Suspect:
    in_baseline = one.kind == "create"
    seeded, bare, side = (one, other, case.b) if in_baseline else (other, one, case.a)
    maker, where = _maker(seeded), bare.location
    seeding = generators.seeding(side, bare.generator, bare)
    name = generators.name_of(bare.generator)
    stands = f"{name}, which nobody had seeded" if seeding is None else f"{name}, as it stands"
    told = (
        (seeded, f"{maker} makes {seeded.function}({seeded.value}) at {place(seeded.location)}"),
        (bare, f"{maker} at {place(where)} has no seed: it draws from {stands}"),
    )
    fixes: tuple[Counterfactual, ...] = ()
    if where is not None:
        plan = {"do": "seed_value", "side": side.name, "file": where.file, "line": where.line, "value": seeded.value}
        text = f"the seed {seeded.value} at {place(where)} as well"
        fixes = (Counterfactual(text, (plan,), of_baseline=not in_baseline),)
    return Suspect(
        slug="unseeded" if seeding is None else "different-seed",
        summary=f"{maker} was given the seed {seeded.value} on one side, and none on the other.",
        evidence=tuple(
            Evidence(text, "baseline" if event is one else "candidate", event.location) for event, text in told
        ),
        location=where,
        remedy=f"give {maker} at {place(where)} the seed {seeded.value} as well",
        counterfactuals=fixes,
    )


def _by_entropy(case: Case, pairs: list[tuple[Event, Event]]) -> Suspect:
    """A generator without a seed on one side, and with one on the other: what one line made, and the other."""
    in_baseline = pairs[0][0].kind == "create"
    seeded, bare = zip(*(pair if in_baseline else reversed(pair) for pair in pairs), strict=True)
    made, taken, side = seeded[0], bare[0], case.b if in_baseline else case.a
    where, maker = place(taken.location), made_without_seed(taken)
    starts = "takes its start from the operating system, another one in each run"
    told = (
        (made, f"{made.function}({made.value}) at {place(made.location)}"),
        (taken, f"{without_seed(maker)} at {where} {starts}"),
    )
    code = taken.location.code if taken.location is not None else None
    # With a seed as its entropy it is the generator of that seed (numpy/random/bit_generator.pyx, SeedSequence, 2.4;
    # random.py). Not so the older one of NumPy, which has a way of its own to begin with a seed: it is given the seed.
    function = maker if maker == _STATE else taken.function
    takes = [{"function": function, "code": code, "value": event.value} for event in seeded]
    plan = {"do": "entropy", "side": side.name, "takes": takes}
    return Suspect(
        slug="unseeded",
        summary=f"{made.function} was given the seed {made.value} on one side, and none on the other.",
        evidence=tuple(
            Evidence(text, "baseline" if (event is made) == in_baseline else "candidate", event.location)
            for event, text in told
        ),
        location=taken.location,
        remedy=f"give the generator of {where} the seed {made.value} as well",
        counterfactuals=(
            Counterfactual(f"the seed {made.value} at {where} as well", (plan,), of_baseline=not in_baseline),
        ),
    )
