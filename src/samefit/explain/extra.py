"""Causes in trainings that a callback runs of its own, while the training that is compared runs.

Its steps stand among those that are compared, and what it draws from the generators of the process moves the order of
the training around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.store.records import Event
from samefit.types import IN_CALLBACK, Stage

_APART = (
    "or make fit independent of what else draws:  samefit.pinned(SEED),  or shuffle the arrays yourself and  "
    "fit(shuffle=False)"
)


def explain_extra_trainings(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a callback trains a model on one side alone, or draws more for it there."""
    for side, other in ((case.b, case.a), (case.a, case.b)):
        own = _begun_in_callback(side, other)
        if own is not None:
            yield _suspect(case, side, own, "its steps stand among those that are compared", _without(case, own))
            return
    if case.divergence.stage in (Stage.DATA, Stage.RANDOMNESS):
        yield from _drawn(case)


def _begun_in_callback(side: Side, other: Side) -> Event | None:
    """Returns how the training began in which a side parts, if a callback of the one began it that the other is in."""
    begun = (e for e in side.events if e.kind == "training" and e.training == side.training.number)
    begin = next(begun, None)
    if begin is None or not begin.component.startswith(IN_CALLBACK):
        return None
    around = int(begin.component.removeprefix(IN_CALLBACK))
    numbers, theirs = ([training.number for training in each.trainings] for each in (side, other))
    if around not in numbers or numbers.index(around) != theirs.index(other.training.number):
        return None
    return begin


def _drawn(case: Case) -> Iterator[Suspect]:
    """Where the trainings of callbacks, before the order of an epoch, drew otherwise from what gives that order."""
    begun = [_before_the_order(side) for side in (case.a, case.b)]
    drawn = [_draws(side, each) for side, each in zip((case.a, case.b), begun, strict=True)]
    states = [side.run.generator_states(f"training:{side.training.number}") for side in (case.a, case.b)]
    # What stood elsewhere when the training began is not moved by a callback of it.
    names = {generator for _, generator in (drawn[0] - drawn[1]) + (drawn[1] - drawn[0])}
    moved = tuple(n for n in generators.NAMES if n in names and n in states[0] and states[0][n] == states[1].get(n))
    if not moved:
        return
    more = 1 if (drawn[1] - drawn[0]).total() >= (drawn[0] - drawn[1]).total() else 0
    side, own = (case.a, case.b)[more], begun[more]
    extra = next(e for e in own if any(key[0] == _code(e) for key in drawn[more] - drawn[1 - more]))
    what = f"it draws from {' and '.join(map(generators.name_of, moved))}, as the order of fit does"
    yield _suspect(case, side, extra, what, (*_put_back(case, moved), *_without(case, extra)))


def _before_the_order(side: Side) -> list[Event]:
    """Returns how trainings of callbacks began before the epoch in which the sides part was given its order."""
    number = side.training.number
    epoch = next(
        (e.id for e in side.events if e.kind == "epoch" and e.training == number and e.value == side.step.epoch), -1
    )
    # A callback may act before the order is drawn, and after the epoch has begun.
    order = (
        e.id for e in side.events if e.id > epoch and e.kind == "draw" and e.component == f"shuffle of fit #{number}"
    )
    end = next(order, epoch)
    return [e for e in side.events if e.kind == "training" and e.component == f"{IN_CALLBACK}{number}" and e.id < end]


def _draws(side: Side, begun: list[Event]) -> Counter[tuple[str, str]]:
    """Returns how often such trainings drew, by the line that began them and the generator."""
    lines = {e.training: _code(e) for e in begun}
    found: Counter[tuple[str, str]] = Counter()
    for event in side.events:
        if event.kind == "draw" and event.training in lines:
            found[lines[event.training], event.generator] += event.count
    return found


def _code(begin: Event) -> str:
    return (begin.location.code if begin.location is not None else None) or ""


def _put_back(case: Case, moved: tuple[str, ...]) -> Iterator[Counterfactual]:
    a, b = case.a.training.number, case.b.training.number
    plans = []
    for epoch in sorted({step.epoch for step in case.b.run.steps([b])}):
        plan = generators.restore(case.a, case.b, generators=moved, at="epoch", training_a=a, training_b=b, epoch=epoch)
        if plan is not None:
            plans.append(plan)
    if plans:
        yield Counterfactual(
            f"{' and '.join(map(generators.name_of, moved))} put back before every epoch", tuple(plans)
        )


def _without(case: Case, begin: Event) -> tuple[Counterfactual, ...]:
    """Returns the re-run without that callback, on each side that has it."""
    callback = begin.function.partition(".")[0]
    plans: dict[int, Mapping[str, Any]] = {}
    for side in (case.a, case.b):
        for training in side.trainings:
            if callback in (training.options.get("callbacks") or ()):
                number = training.number
                plans[number] = {"do": "fit", "training": number, "arguments": {}, "without_callbacks": [callback]}
    return (Counterfactual(f"no {callback} on either side", both=tuple(plans.values())),) if plans else ()


def _suspect(case: Case, side: Side, begin: Event, what: str, counterfactuals: tuple[Counterfactual, ...]) -> Suspect:
    where, around = place(begin.location), side.run.training(int(begin.component.removeprefix(IN_CALLBACK)))
    return Suspect(
        slug="callback",
        summary=f"{begin.function} trains a model at {where} while fit #{around.number} of the {side.role} runs, "
        f"not so on the other side: {what}.",
        evidence=(
            Evidence(f"fit #{begin.training} begins within {begin.function}", side.role, begin.location),
            Evidence(f"fit #{around.number}, whose callback that is", side.role, around.location),
        ),
        location=begin.location,
        remedy=f"train at {where} on both sides or on neither, or after the fit around it; {_APART}",
        counterfactuals=counterfactuals,
        no_counterfactual="" if counterfactuals else "that training cannot be left out from outside",
    )
