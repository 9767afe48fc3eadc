"""Lines that seed a generator, some of them more than once: in a loop, or in a function that several others call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from samefit.explain import library_seeds
from samefit.explain.case import Case, Counterfactual, Side
from samefit.store.records import Event


def seeds_in_turn(case: Case, seed_a: Event, seed_b: Event) -> list[int]:
    """Returns the seeds that the baseline's line sets, in turn; none if it sets one, or if they belong to other calls.

    Args:
        case: The case.
        seed_a: An entry of the baseline's line.
        seed_b: The entry of the candidate's that belongs to it.
    """
    ours, theirs = _of_one_line(case.a, seed_a), _of_one_line(case.b, seed_b)
    seeds = [event.value for event in ours if isinstance(event.value, int)]
    same_call = ours.index(seed_a) == theirs.index(seed_b)
    return seeds if same_call and len(seeds) == len(ours) and len({*seeds}) > 1 else []


def same_seeds(seed_a: Event, seed_b: Event, in_turn: list[int], where: str) -> tuple[Counterfactual, ...]:
    """Returns the re-run in which the candidate's line, in words `where`, sets the baseline's seed, or all in turn."""
    line = seed_b.location
    if line is None or not isinstance(seed_a.value, int):
        return ()
    seeds = {"values": in_turn} if in_turn else {"value": seed_a.value}
    text = f"the seeds {seeds_in_words(in_turn)}" if in_turn else f"the seed {seed_a.value}"
    plan = {"do": "seed_value", "side": seed_b.side, "file": line.file, "line": line.line, **seeds}
    return (Counterfactual(f"{text} at {where} as well", (plan,)),)


def remedy(case: Case, seed_a: Event, seed_b: Event, in_turn: list[int]) -> str:
    """Returns what gives a generator the same seeds on both sides."""
    for side, other, seed, theirs in ((case.b, case.a, seed_b, seed_a), (case.a, case.b, seed_a, seed_b)):
        if seed.location is not None and _has_seeded(side, theirs, before=seed) and not _has_line(other, seed):
            where = f"line {seed.location.line} of {seed.location.file.rsplit('/', 1)[-1]}"
            return f"leave out  {seed.function}({seed.value})  at {where}: the {other.role} does not seed there"
    if library := library_seeds.seeded_by_library(seed_b):
        return f"give {library} one seed on both sides, such as {seed_a.value}"
    if in_turn:
        return f"use the same seeds:  {seed_a.function}(...)  with {seeds_in_words(in_turn)} in turn"
    return f"use one seed:  {seed_a.function}({seed_a.value})"


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Returns seeds that are set in turn in words, the first ones."""
    return ", ".join(map(str, seeds[:4])) + (", ..." if len(seeds) > 4 else "")


def _has_seeded(side: Side, seed: Event, *, before: Event) -> bool:
    """Whether a side has seeded the generator as the other one did, before it did so once more."""
    key = (seed.generator, seed.function, seed.value)
    events = (e for e in side.events if e.kind == "seed" and e.side == before.side and e.id < before.id)
    return any((e.generator, e.function, e.value) == key for e in events)


def _has_line(side: Side, seed: Event) -> bool:
    """Whether a side has a line as that of a seed, wherever it stands."""
    code = seed.location and seed.location.code
    return any(e.kind == "seed" and e.location is not None and e.location.code == code for e in side.events)


def _of_one_line(side: Side, seed: Event) -> list[Event]:
    def line(event: Event) -> tuple[Any, ...]:
        where = event.location
        return event.side, event.kind, event.generator, event.function, where and (where.file, where.line)

    return [event for event in side.events if line(event) == line(seed)]
