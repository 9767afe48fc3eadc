"""Causes that lie in who comes first: workers that share a generator or deliver as they are ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.comparison.result import Evidence
from samefit.comparison.settings import workers_of
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.code_draws import ONE_WORKER, code_draws, in_words
from samefit.explain.generators import place
from samefit.types import Samples

RACE_REMEDY = (
    "let what is drawn depend on the batch and not on who comes first:  "
    "numpy.random.default_rng([seed, index])  in __getitem__,  or  workers=1"
)


def racing_draws(case: Case) -> tuple[Evidence, ...] | None:
    """Returns what draws in turns where one side alone has several workers; None if the samples are only reordered.

    Keras keeps the batches of its workers in order: what only their number changes is drawn from what they share.
    """
    samples = case.divergence.samples
    sides = [side for side in (case.a, case.b) if workers_of(side.training).get("workers", 0) > 1]
    if len(sides) != 1 or samples in (Samples.REORDERED, Samples.BATCHED_OTHERWISE):
        return None
    draws = code_draws(sides[0].training, "own", "shared")
    return tuple(Evidence(in_words(draw), sides[0].role, draw.location) for draw in draws[:3]) or None


def explain_workers(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where several workers make the batches of both sides, with the same settings."""
    first, second = workers_of(case.a.training), workers_of(case.b.training)
    if not first or first != second:
        return
    numbers = sorted({case.a.training.number, case.b.training.number})
    plans = tuple({"do": "dataset", "training": number, "attributes": ONE_WORKER} for number in numbers)
    draws = code_draws(case.b.training, "own", "shared")
    described: Mapping[str, Any] = case.b.training.options["x"]
    yield Suspect(
        slug="data-race",
        summary=f"{first['workers']} workers of {described.get('type')} make the batches at the same time"
        + (f", and draw in turns as they come: {draws[0].text}." if draws else "."),
        evidence=(
            *(
                Evidence(
                    f"x({', '.join(f'{k}={v}' for k, v in first.items())}) at {place(side.training.location)}",
                    side.role,
                    side.training.location,
                )
                for side in (case.a, case.b)
            ),
            *(Evidence(in_words(draw), "", draw.location) for draw in draws[:3]),
            *_drawn(case.b),
        ),
        location=draws[0].location if draws else case.b.training.location,
        remedy=RACE_REMEDY,
        counterfactuals=(Counterfactual("one worker on both sides", both=plans),),
    )


def has_workers(side: Side) -> bool:
    """Whether several workers make the batches of a side."""
    return bool(workers_of(side.training))


def _drawn(side: Side) -> Iterator[Evidence]:
    """Draws that the user's own lines made while the training ran: in the workers, as a rule."""
    counts: dict[Any, int] = {}
    for event in side.events:
        if event.kind == "draw" and event.training == side.training.number and event.location and not event.component:
            key = (event.function, event.location)
            counts[key] = counts.get(key, 0) + event.count
    for (function, location), count in list(counts.items())[:3]:
        yield Evidence(f"{function} draws {count} times at {place(location)} while batches are made", "", location)
