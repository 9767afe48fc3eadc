"""Causes in what the user's own code draws: data, an order, first values, noise of a callback."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.own_seeds import explain_own_seeds, made_without_seed, without_seed
from samefit.store.records import Event
from samefit.types import Location

_PYTHON = "random.Random"


def explain_own_draws(case: Case, *, within: bool = False) -> Iterator[Suspect]:
    """Yields suspects where the user's own code drew values, or an order, from a generator that stood elsewhere.

    Args:
        case: The case.
        within: Whether what was drawn while the training ran counts as well: by a dataset, or by a callback.
    """
    for generator, pairs in _user_draws(case, within=within):
        draw_a, draw_b = pairs[0]
        plans = []
        # What draws once an epoch goes on to draw otherwise: it is put back each time.
        puts = [generators.before_draw(case.a, case.b, one, other) for one, other in pairs]
        if puts[0] is not None:
            where = f"right before {place(draw_b.location)}{', each time' if len(puts) > 1 else ''}"
            put = tuple(plan for plan in puts if plan is not None)
            plans.append(Counterfactual(f"{generators.name_of(generator)} put back {where}", put))
        if case.separable and case.same_process:
            plans.append(Counterfactual("the candidate run alone, in a fresh process", alone=True))
        suspect = generators.explain_draw(
            case, generator, draw_a, draw_b, what=f"the values of {draw_b.function}", counterfactuals=tuple(plans)
        )
        if suspect is not None:
            yield suspect
    yield from explain_own_seeds(case, (_end_of_epoch(case.a), _end_of_epoch(case.b)))
    yield from _unseeded(case, within=within)


def draws_on_one_side(case: Case) -> Iterator[Evidence]:
    """Yields the lines of the user's own that drew for one side alone, before the end of the epoch in which they part.

    It is said as a fact and no more: what such a line drew need not have come into the batches.
    """
    sides = (case.a, case.b)
    lines = [_lines_that_draw(side, in_training=case.same_process and not side.name) for side in sides]
    states = [{(e.function, e.state) for events in own.values() for e in events} for own in lines]
    for side, own, others, theirs in zip(sides, lines, reversed(lines), reversed(states), strict=True):
        alone = {
            text: [e for e in events if (e.function, e.state) not in theirs]
            for text, events in own.items()
            if text not in others
        }
        more = {text: _at_more_places(events, others[text]) for text, events in own.items() if text in others}
        for event in [events[0] for events in (*alone.values(), *more.values()) if events][:3]:
            when = "while the training ran" if event.training == side.training.number else "before the training"
            text = f"{event.function} draws at {place(event.location)} {when}, and no line of the other side does so"
            yield Evidence(text, side.role, event.location)


def _at_more_places(own: Sequence[Event], others: Sequence[Event]) -> list[Event]:
    """Returns what lines of one text drew at those places that the other side has not as many of."""
    more = sorted({*map(_place_of, own)})[len({*map(_place_of, others)}) :]
    return [event for event in own if _place_of(event) in more]


def _place_of(event: Event) -> tuple[str, int]:
    return ("", 0) if event.location is None else (event.location.file, event.location.line)


def _lines_that_draw(side: Side, *, in_training: bool) -> dict[tuple[str, str | None], list[Event]]:
    """Returns the draws of each of the user's own lines, in order; those `in_training` alone where that is asked."""
    found: dict[tuple[str, str | None], list[Event]] = {}
    for event in side.events:
        if event.kind != "draw" or event.component or event.location is None or event.id >= _end_of_epoch(side):
            continue
        if (in_training and event.training != side.training.number) or event.location.imports:
            continue
        found.setdefault((event.function, event.location.code), []).append(event)
    return found


def _unseeded(case: Case, *, within: bool) -> Iterator[Suspect]:
    """Generators of the user's own that took their start from the operating system: a suspect for each line."""
    ends = [_end_of_epoch(side) if within else side.training.begin_event for side in (case.a, case.b)]
    first, second = (_entropies(side, end) for side, end in zip((case.a, case.b), ends, strict=True))
    # What takes entropy for each sample goes on to do so.
    in_all = _entropies(case.a, _end_of_training(case.a)) if within else first
    for line, events in second.items():
        theirs = first.get(line, [])
        if not theirs or [e.value for e in theirs] == [e.value for e in events]:
            continue
        function, code = line
        takes = [{"function": function, "code": code, "value": event.value} for event in in_all[line]]
        plan = {"do": "entropy", "side": case.b.name, "takes": takes}
        yield Suspect(
            slug="unseeded",
            summary="A generator was made without a seed and took its start from the operating system.",
            evidence=tuple(
                Evidence(
                    f"{_taker(e)} took entropy from the operating system",
                    side.role,
                    e.location,
                )
                for side, taken in ((case.a, theirs), (case.b, events))
                for e in taken[:2]
            ),
            location=events[0].location,
            remedy=f"give the generator a seed, such as  {_seeded(events[0])}",
            counterfactuals=(Counterfactual("the baseline's entropy given to the candidate", (plan,)),),
        )


def _taker(event: Event) -> str:
    """Returns what took entropy, as the user has written it where it is known."""
    maker = _maker(event)
    return without_seed(maker) if maker else event.keras or event.function


def _seeded(event: Event) -> str:
    return f"{_maker(event) or 'numpy.random.default_rng'}(1)"


def _maker(event: Event) -> str:
    return _PYTHON if event.function == _PYTHON else made_without_seed(event)


_Pairs = list[tuple[Event, Event]]


def _user_draws(case: Case, *, within: bool) -> Iterator[tuple[str, _Pairs]]:
    """Yields, per generator, pairs of the user's own draws whose states differ.

    The first of them comes before the training, or, of what is drawn while it runs, before the end of the epoch in
    which the sides part; then the pairs of the same line up to the end of the training follow.
    """
    sides = (case.a, case.b)
    begins = [side.training.begin_event for side in sides]
    bounds = [
        (_end_of_epoch(side), _end_of_training(side)) if within else (begin, begin)
        for side, begin in zip(sides, begins, strict=True)
    ]
    for generator in generators.NAMES:
        if all(side.training.kind == "train_on_batch" for side in sides) and not _stood_elsewhere(case, generator):
            # No epoch says which of the draws between the steps came before the one in question.
            continue
        first, second = (
            [
                e
                for e in side.events
                if e.kind == "draw"
                and e.generator == generator
                and not e.component
                and e.location is not None
                and not e.location.imports
                and e.id < last
                and (not side.name or e.side == side.name)
            ]
            for side, (_, last) in zip(sides, bounds, strict=True)
        )
        pairs = [(one, other) for one, other in _paired(first, second) if one.state != other.state]
        if pairs and pairs[0][0].id < bounds[0][0]:
            in_training = pairs[0][1].id > begins[1]
            yield generator, [p for p in pairs if p[1].location == pairs[0][1].location] if in_training else pairs[:1]


def _stood_elsewhere(case: Case, generator: str) -> bool:
    one, other = case.a.step.generators.get(generator), case.b.step.generators.get(generator)
    return one is None or other is None or one != other


def _end_of_training(side: Side) -> int:
    """Returns the first event after the training in which the sides part: after its last epoch has begun.

    A training that a callback runs within it does not end it.
    """
    number = side.training.number
    epochs = (e.id for e in side.run.events if e.kind == "epoch" and e.training == number)
    begin = max(epochs, default=side.training.begin_event)
    later = (e.id for e in side.run.events if e.id > begin and e.kind in ("training", "side", "end"))
    return next(later, len(side.run.events))


def _end_of_epoch(side: Side) -> int:
    """Returns the first event after the epoch in which the sides part."""
    begin, number = side.training.begin_event, side.training.number
    epochs = (e for e in side.run.events if e.id > begin and e.kind == "epoch" and e.training == number)
    return next((e.id for e in epochs if e.value > side.step.epoch), _end_of_training(side))


def _paired(first: list[Event], second: list[Event]) -> Iterator[tuple[Event, Event]]:
    """Pairs draws of one function from one line of code, the n-th with the n-th, in the baseline's order."""
    theirs = {key: event for event, key in _counted(second)}
    for event, key in _counted(first):
        if key in theirs:
            yield event, theirs[key]


def _counted(draws: list[Event]) -> Iterator[tuple[Event, tuple[str, str | None, int]]]:
    """Yields entries, each with its line and how often that had drawn before: an entry may stand for several draws."""
    before: Counter[tuple[str, str | None]] = Counter()
    for event in draws:
        line = event.function, event.location.code if event.location else None
        yield event, (*line, before[line])
        before[line] += event.count


def _entropies(side: Side, end: int) -> dict[tuple[str, str | None], list[Event]]:
    """Returns what a side took from the operating system before an event, by the function and the user's own line."""
    found: dict[tuple[str, str | None], list[Event]] = {}
    for event in side.events:
        if event.kind != "entropy" or event.location is None or event.id >= end:
            continue
        if (side.name and event.side != side.name) or _has_seed(event.location):
            continue
        found.setdefault((event.function, event.location.code), []).append(event)
    return found


def _has_seed(location: Location) -> bool:
    """Whether a line is an import, or makes a `RandomState` with a seed (NumPy takes entropy first all the same)."""
    return location.imports or re.search(r"RandomState\(\s*[^)\s]", location.code or "") is not None
