"""What each of two sides drew between its seed and the draw that differs, where that decides the remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from samefit.explain.case import Case, Side
from samefit.explain.values import GO_ON, NEW_MODEL
from samefit.store.records import Event
from samefit.types import Location

Drawn = tuple[Event, Event | None]
"""A draw, and what seeded its generator before."""


def looked_on_one_side(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> str:
    """Returns the remedy where `fit` drew an order for a first look at a batch on one side only, else "".

    It looks where the model or its metrics are not built yet: an `evaluate` before it has built them, and then seeding
    right before `fit` leaves the two one draw apart.
    """
    looks = [
        sum(
            event.count
            for event in side.draws(generator, seed.id if seed is not None else -1, draw.id)
            if event.component.startswith("first look") and event.training == side.training.number
        )
        for side, (draw, seed) in ((case.a, drawn_a), (case.b, drawn_b))
    ]
    # Where other draws are between them as well, the look is not what sets the two apart.
    if looks[0] == looks[1] or looks[0] - looks[1] != drawn_a[0].index - drawn_b[0].index:
        return ""
    looking, built = (case.a, case.b) if looks[0] > looks[1] else (case.b, case.a)
    is_new = built.has_trained_before and not looking.has_trained_before
    if is_new and looking.is_made_anew:
        return NEW_MODEL if looking is case.a else GO_ON
    first = (
        f"go on with the model that was trained, on the side of the {looking.role} as well: one that is loaded, or "
        "made anew, looks at a first batch once more"
        if is_new
        else "evaluate and train on batches only after fit, or on both sides"
    )
    return (
        f"{first}; or make fit independent of it:  samefit.pinned(SEED),  or shuffle the arrays yourself and  "
        "fit(shuffle=False)"
    )


def only_order_differs(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> bool:
    """Whether each side, from a seed of its own to its training, draws for the same kinds of layers and nothing else.

    Then to seed right before the differing draw is no remedy: layers that one line makes would get equal weights.
    """
    if case.same_process and drawn_a[1] == drawn_b[1]:
        return False
    counts: list[Counter[str]] = []
    for side, (draw, seed) in ((case.a, drawn_a), (case.b, drawn_b)):
        counts.append(Counter())
        for event in side.draws(generator, seed.id if seed is not None else -1, side.training.begin_event):
            counts[-1][event.component] += event.count
        if draw.id >= side.training.begin_event:
            return False
    return counts[0] == counts[1] and all(component.startswith("seed of ") for component in counts[0])


_SEEDS_ONE = {
    "python": "random.seed",
    "numpy": "numpy.random.seed",
    "tensorflow": "tf.random.set_seed",
    "torch": "torch.manual_seed",
}
"""What seeds one generator alone."""


def seeded_again(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> tuple[str, list[Location | None]]:
    """Returns what puts a generator back to its seed, and before which lines: of each side that had drawn from it.

    What seeds everything would put the other generators back as well, which may have been drawn from alike.
    """
    sides = ((case.a, *drawn_a), (case.b, *drawn_b))
    ahead = [each for each in sides if _had_drawn(*each, generator)] or list(sides)
    _, _, seed = ahead[-1]
    assert seed is not None
    call = seed.function
    if generator in _SEEDS_ONE and any(_others_drew(*each, generator) for each in ahead):
        call = _SEEDS_ONE[generator]
    return f"{call}({seed.value})", [draw.location or side.training.location for side, draw, _ in ahead]


_Line = tuple[str, str | None, str]
"""A function that draws, the user's line behind it, and what of Keras it draws for."""


def drawn_within(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> tuple[Location | None, str]:
    """Returns the user's line that draws while the training runs, more often on one side, and for what of Keras."""
    counts: list[dict[_Line, int]] = []
    extra: dict[_Line, Location] = {}
    for side, (draw, seed) in ((case.a, drawn_a), (case.b, drawn_b)):
        counts.append({})
        for event in side.draws(generator, seed.id if seed is not None else -1, draw.id):
            within = event.training == side.training.number or event.id > side.training.begin_event
            if within and event.location is not None and not event.component.endswith(f"fit #{event.training}"):
                key = (event.function, event.location.code, event.component)
                counts[-1][key] = counts[-1].get(key, 0) + event.count
                extra.setdefault(key, event.location)
    found = ((at, key[2]) for key, at in extra.items() if counts[0].get(key, 0) != counts[1].get(key, 0))
    return next(found, (None, ""))


def drawing_lines(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> list[Location]:
    """Returns the user's lines that drew for themselves, not for a layer, and more often on one side."""
    counts: list[Counter[str]] = []
    places: dict[str, Location] = {}
    for side, (draw, seed) in ((case.a, drawn_a), (case.b, drawn_b)):
        counts.append(Counter())
        for event in side.draws(generator, seed.id if seed is not None else -1, draw.id):
            if event.location is not None and not event.component:
                text = event.location.code or ""
                counts[-1][text] += event.count
                places[text] = event.location
    return [where for text, where in places.items() if counts[0][text] != counts[1][text]]


def _had_drawn(side: Side, draw: Event, seed: Event | None, generator: str) -> bool:
    """Whether a generator was drawn from between a seed and the line before which it can be put back to it."""
    begin = -1 if seed is None else seed.id
    return any(e.generator == generator for e in _drawn_before_line(side, draw, begin))


def _others_drew(side: Side, draw: Event, seed: Event | None, generator: str) -> bool:
    """Whether another generator was drawn from between a seed and that line."""
    begin = -1 if seed is None else seed.id
    return any(e.generator != generator for e in _drawn_before_line(side, draw, begin))


def _drawn_before_line(side: Side, draw: Event, begin: int) -> Iterator[Event]:
    # What a training draws for itself, such as a first look at a batch, and what the line itself draws come behind.
    end = side.training.begin_event if draw.id > side.training.begin_event > begin else draw.id
    for event in side.run.events:
        if (
            event.kind == "draw"
            and begin < event.id < end
            and (event.location is None or event.location != draw.location)
        ):
            yield event
