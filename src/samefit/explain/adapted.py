"""Layers that have learned from data what they keep (`adapt`), and are part of no model: the ledger tells of them."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side, Suspect
from samefit.explain.generators import place
from samefit.store.records import Event

REMEDY = "call  adapt  with the same data on both sides: with the training data alone, as a rule"


def explain_adapted(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a layer has learned something else, or on one side alone: a vocabulary within a model."""
    lines = tuple(adapted_otherwise(case))
    if lines:
        yield Suspect(
            slug="data-content",
            summary="A layer was adapted to other data on each side.",
            evidence=lines,
            location=lines[-1].location,
            remedy=REMEDY,
            no_counterfactual="what a layer has learned is not taken from the other side",
            # It may be no part of what is trained.
            weak=True,
        )


def adapted_otherwise(case: Case) -> Iterator[Evidence]:
    """Yields the lines that adapt a layer, before the training in which the sides part, to something else."""
    sides = [_adapted(side) for side in (case.a, case.b)]
    for function in dict.fromkeys(event.function for own in sides for event in own):
        first, second = ([event for event in own if event.function == function] for own in sides)
        if len(first) == len(second):
            differing = [pair for pair in zip(first, second, strict=True) if pair[0].value != pair[1].value]
            for one, other in differing[:1]:
                yield _line(case.a, one)
                yield _line(case.b, other)
        else:
            # One that the other side has not is among those that learned what none learned there.
            for side, own, others in ((case.a, first, second), (case.b, second, first)):
                known = {event.value for event in others}
                yield from (_line(side, event) for event in own if event.value not in known)


def _adapted(side: Side) -> list[Event]:
    return [event for event in side.events if event.kind == "adapt" and event.id < side.training.begin_event]


def _line(side: Side, event: Event) -> Evidence:
    text = f"{event.function} at {place(event.location)} learned what it did not on the other side"
    return Evidence(text, side.role, event.location)
