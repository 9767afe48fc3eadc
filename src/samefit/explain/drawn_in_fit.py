"""Causes in what is drawn for the data while `fit` runs: Keras's order of the samples, and what a library draws."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.store.records import Event

_ORDERS = ("shuffle", "order")
"""How the components of draws begin that order the samples."""


def shuffles(options: object) -> bool:
    """Whether `fit` with these options shuffles what it is given, if it is something that it can shuffle."""
    return not isinstance(options, dict) or options.get("shuffle", True) is not False


def draws_in_training(side: Side) -> list[Event]:
    """Returns what Keras, a framework or a library drew while a side's training ran, without the seeds of layers."""
    return [
        e
        for e in side.events
        if e.kind == "draw"
        and e.training == side.training.number
        and e.component
        and not e.component.startswith(("seed of", "data loader", "evaluate", "predict"))
    ]


def explain_drawn_in_fit(case: Case, *, libraries: bool) -> Iterator[Suspect]:
    """Yields suspects where a generator that is drawn from for the data, within `fit`, stood elsewhere.

    Args:
        case: The case.
        libraries: Whether what a library draws counts as well, and not only Keras's own order: it augments or shuffles
            there (Keras's legacy `ImageDataGenerator`, scikit-learn in a generator of the user's). Of workers, which
            take turns as they come, nothing of the kind can be said.
    """
    of_order = _order(case)
    if of_order is not None:
        draw_a, draw_b = of_order
        if draw_a.generator != draw_b.generator:
            yield other_backend(case, draw_a, draw_b)
            return
        yield from _explained(case, draw_a, draw_b, "the order of the samples")
    for draw_a, draw_b in _library_draws(case) if libraries else ():
        # What puts a generator back for the order puts it back for all that is drawn from it.
        if of_order is None or draw_a.generator != of_order[0].generator:
            where = f" in {draw_b.keras}" if draw_b.keras else ""
            yield from _explained(case, draw_a, draw_b, f"the values of {draw_b.function}{where}")


def _order(case: Case) -> tuple[Event, Event] | None:
    """Returns the first draws of Keras's own shuffle that gave two orders."""
    if not (shuffles(case.a.training.options) and shuffles(case.b.training.options)):
        return None
    first, second = (
        [e for e in draws_in_training(side) if e.component.startswith(_ORDERS)] for side in (case.a, case.b)
    )
    for draw_a, draw_b in zip(first, second, strict=False):
        if draw_a.generator != draw_b.generator or (draw_a.state != draw_b.state and draw_a.generator != "tensorflow"):
            return draw_a, draw_b
    return None


def _library_draws(case: Case) -> Iterator[tuple[Event, Event]]:
    """Yields, per generator, the first draws of libraries from other states."""
    first, second = (
        [e for e in draws_in_training(side) if not e.component.startswith(_ORDERS) and e.state is not None]
        for side in (case.a, case.b)
    )
    for generator in generators.NAMES:
        one = [e for e in first if e.generator == generator]
        other = [e for e in second if e.generator == generator]
        differing = ((a, b) for a, b in zip(one, other, strict=False) if a.state != b.state)
        yield from itertools.islice(differing, 1)


def _explained(case: Case, draw_a: Event, draw_b: Event, what: str) -> Iterator[Suspect]:
    suspect = generators.explain_draw(
        case,
        draw_a.generator,
        draw_a,
        draw_b,
        what=what,
        counterfactuals=tuple(put_back(case, draw_a.generator)),
        training_begins=False,
    )
    if suspect is not None:
        yield suspect


def put_back(case: Case, generator: str) -> list[Counterfactual]:
    """Returns the re-runs in which a generator stands as the baseline's did when the training, or an epoch, began."""
    number_a, number_b = case.a.training.number, case.b.training.number
    name = generators.name_of(generator)
    plans = []
    for at, keys in (("training", {}), ("epoch", {"epoch": case.b.step.epoch})):
        plan = generators.restore(
            case.a, case.b, generators=(generator,), at=at, training_a=number_a, training_b=number_b, **keys
        )
        if plan is not None:
            when = f"before #{number_b}" if at == "training" else f"before epoch {case.b.step.epoch + 1}"
            plans.append(Counterfactual(f"{name} put back {when}", (plan,)))
    every_epoch = [
        plan
        for epoch in range(_epochs(case))
        if (
            plan := generators.restore(
                case.a,
                case.b,
                generators=(generator,),
                at="epoch",
                training_a=number_a,
                training_b=number_b,
                epoch=epoch,
            )
        )
        is not None
    ]
    if every_epoch and case.b.step.epoch > 0:
        plans.insert(0, Counterfactual(f"{name} put back before every epoch", tuple(every_epoch)))
    if case.separable and case.same_process:
        plans.append(Counterfactual("the candidate run alone, in a fresh process", alone=True))
    return plans


def _epochs(case: Case) -> int:
    return max((s.epoch for s in case.b.run.steps([case.b.training.number])), default=0) + 1


def other_backend(case: Case, draw_a: Event, draw_b: Event) -> Suspect:
    """Returns the suspect for an order that two backends draw from generators of their own."""
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    return Suspect(
        slug="backend-generator",
        summary=f"fit(shuffle=True) draws from {generators.name_of(draw_a.generator)} on {one} and from "
        f"{generators.name_of(draw_b.generator)} on {other}: one seed, two orders.",
        evidence=(
            Evidence(f"{draw_a.function} in {draw_a.keras}", "baseline", draw_a.location),
            Evidence(f"{draw_b.function} in {draw_b.keras}", "candidate", draw_b.location),
        ),
        location=case.b.training.location,
        remedy="use  --pin SEED  or fit(shuffle=False) to give both backends one order",
        counterfactuals=(
            Counterfactual(
                "shuffle=False on both sides",
                both=tuple(
                    {"do": "fit", "training": n, "arguments": {"shuffle": False}}
                    for n in sorted({case.a.training.number, case.b.training.number})
                ),
            ),
        ),
    )
