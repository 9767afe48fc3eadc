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


def remedy(seed_a: Event, seed_b: Event, in_turn: list[int]) -> str:
    """Returns what gives a generator the same seeds on both sides."""
    if library := library_seeds.seeded_by_library(seed_b):
        return f"give {library} one seed on both sides, such as {seed_a.value}"
    if in_turn:
        return f"use the same seeds:  {seed_a.function}(...)  with {seeds_in_words(in_turn)} in turn"
    return f"use one seed:  {seed_a.function}({seed_a.value})"


def seeds_in_words(seeds: Sequence[int]) -> str:
    """Returns seeds that are set in turn in words, the first ones."""
    return ", ".join(map(str, seeds[:4])) + (", ..." if len(seeds) > 4 else "")


def _of_one_line(side: Side, seed: Event) -> list[Event]:
    def line(event: Event) -> tuple[Any, ...]:
        where = event.location
        return event.side, event.kind, event.generator, event.function, where and (where.file, where.line)

    return [event for event in side.events if line(event) == line(seed)]
