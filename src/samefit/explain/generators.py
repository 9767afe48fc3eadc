"""Causes that lie in a generator: never seeded, seeded too late, seeded otherwise, or moved by something before.

The question is the same whatever the draw was for (a shuffle, a first weight, a layer's seed, a user's own data): from
which seed does the generator's state before that draw come, on each side, and what had drawn in between?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samefit.comparison.result import Evidence
from samefit.explain import library_seeds, seed_lines
from samefit.explain.begun_late import before_the_recording, is_unseen
from samefit.explain.case import STANDS_IN, Case, Counterfactual, Side, Suspect
from samefit.explain.drawn_before import (
    Drawn,
    drawing_lines,
    drawn_within,
    looked_on_one_side,
    only_order_differs,
    seeded_again,
)
from samefit.store.records import Event
from samefit.types import Location

NAMES = {
    "python": "Python's random",
    "numpy": "numpy.random",
    "tensorflow": "TensorFlow's generator",
    "torch": "PyTorch's generator",
    "keras": "Keras's global generator",
}


def name_of(generator: str) -> str:
    """Returns what a generator is called in a sentence."""
    return NAMES.get(generator, generator)


def place(location: Location | None) -> str:
    """Returns "line 12 of train.py", or "a place without a line of yours"."""
    if location is None:
        return "a line outside your code"
    return f"line {location.line} of {location.file.rsplit('/', 1)[-1]}"


def explain_draw(
    case: Case,
    generator: str,
    draw_a: Event | None,
    draw_b: Event | None,
    *,
    what: str,
    counterfactuals: tuple[Counterfactual, ...],
    training_begins: bool = True,
) -> Suspect | None:
    """Explains why two draws for the same purpose gave different values.

    Args:
        case: The case.
        generator: The generator that was drawn from.
        draw_a: The baseline's draw; the seeding before it, if it is known no closer.
        draw_b: The candidate's draw.
        what: What was drawn, such as "the order of the samples" or "the first values of dense/kernel".
        counterfactuals: Re-runs that confirm it; one that seeds first is added where that is the question.
        training_begins: Whether a seeding between the draw and the training counts as "too late".

    Returns:
        A suspect, or None if the draws do not explain a difference.
    """
    if draw_a is None or draw_b is None:
        return None
    seed_a, seed_b = seeding(case.a, generator, draw_a), seeding(case.b, generator, draw_b)
    draws = (draw_a, seed_a), (draw_b, seed_b)
    late = _late_seeds(case, generator, *draws) if training_begins else None
    if late is not None:
        return _too_late(case, generator, draws, late, what, counterfactuals)
    if is_unseen(case, seed_a, seed_b):
        moved = draw_a.state is None or draw_a.state != draw_b.state
        return before_the_recording(case, name_of(generator), f"when {what} came from it") if moved else None
    if seed_a is None or seed_b is None:
        return _unseeded(case, generator, draw_a, draw_b, seed_a, seed_b, what, counterfactuals)
    if seed_a.value != seed_b.value:
        own_a, own_b = library_seeds.drawn_seed(case.a, seed_a), library_seeds.drawn_seed(case.b, seed_b)
        if own_a is not None and own_b is not None:
            put = before_draw(case.a, case.b, own_a, own_b)
            text = f"{name_of(own_b.generator)} put back right before {place(own_b.location)}"
            fixes = () if put is None else (Counterfactual(text, (put,)),)
            given = f"the seed that {library_seeds.seeded_by_library(seed_b)} drew for itself"
            return explain_draw(case, own_b.generator, own_a, own_b, what=given, counterfactuals=fixes)
        return other_seed(case, name_of(generator), seed_a, seed_b, counterfactuals)
    if "seed" in (draw_a.kind, draw_b.kind):
        return None
    return _advanced(case, generator, draw_a, draw_b, seed_a, seed_b, what, counterfactuals)


def seeding(side: Side, generator: str, draw: Event) -> Event | None:
    """Returns what seeded a generator before a draw; of a draw in a pinned scope nothing else is known."""
    return draw if draw.kind == "seed" else side.seeding(generator, draw.id)


def _late_seeds(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> tuple[Event | None, Event | None] | None:
    """Returns for each side the seeding that came after the draw and before the training; None where it came in time.

    Both sides are late, or one is and the other was seeded with the same value in time. What another side of the
    process had seeded does not count.
    """
    late: list[Event | None] = []
    values = []
    for side, (draw, seed) in ((case.a, drawn_a), (case.b, drawn_b)):
        if seed is not None and seed.side in ("", side.name):
            late.append(None)
            values.append(seed.value)
            continue
        later = [
            e
            for e in side.events
            if e.kind == "seed"
            and e.generator == generator
            and draw.id < e.id <= side.training.begin_event
            and e.value is not None
        ]
        if not later:
            return None
        late.append(later[0])
        values.append(later[0].value)
    return (late[0], late[1]) if any(late) and values[0] == values[1] else None


def _too_late(
    case: Case,
    generator: str,
    draws: tuple[Drawn, Drawn],
    late: tuple[Event | None, Event | None],
    what: str,
    counterfactuals: tuple[Counterfactual, ...],
) -> Suspect:
    one_sided = None in late
    side, (draw, _), seed = (case.b, draws[1], late[1]) if late[1] is not None else (case.a, draws[0], late[0])
    assert seed is not None
    role = side.role if one_sided else ""
    evidence = [
        Evidence(f"{what}: drawn from {name_of(generator)} at {place(draw.location)}", role, draw.location),
        Evidence(f"{seed.function}({seed.value}) came only afterwards, at {place(seed.location)}", role, seed.location),
    ]
    if one_sided:
        other, in_time = (case.a, draws[0][1]) if side is case.b else (case.b, draws[1][1])
        assert in_time is not None
        text = f"the {other.role}: seeded at {place(in_time.location)}, before it is drawn"
        evidence.append(Evidence(text, other.role, in_time.location))
    first = Counterfactual(
        f"the seed {seed.value} set before anything is drawn, on both sides", both=seed_first(case, seed.value)
    )
    return Suspect(
        slug="seed-too-late",
        summary=f"{what[0].upper() + what[1:]} had been drawn before the seed was set"
        + (f" on the side of the {side.role}." if one_sided else "."),
        evidence=tuple(evidence),
        location=draw.location or seed.location,
        remedy=f"move  {seed.function}({seed.value})  up, before {place(draw.location)}"
        + (f":  {draw.location.code}" if draw.location and draw.location.code else ""),
        counterfactuals=(first, *counterfactuals),
    )


def _unseeded(
    case: Case,
    generator: str,
    draw_a: Event,
    draw_b: Event,
    seed_a: Event | None,
    seed_b: Event | None,
    what: str,
    counterfactuals: tuple[Counterfactual, ...],
) -> Suspect:
    lines = []
    for side, draw, seed in ((case.a, draw_a, seed_a), (case.b, draw_b, seed_b)):
        if seed is None:
            drawn = f" ({_component(draw)}, draw {draw.index + 1})" if _component(draw) else ""
            text = f"{name_of(generator)} was never seeded before {what}{drawn}"
            lines.append(Evidence(text, side.role, draw.location))
        else:
            lines.append(Evidence(f"{seed.function}({seed.value}) at {place(seed.location)}", side.role, seed.location))
    other = sorted({e.generator for e in case.b.events if e.kind == "seed" and e.value is not None} - {generator})
    if other:
        lines.append(Evidence(f"seeded were only: {', '.join(name_of(g) for g in other)}"))
    where = draw_b.location if seed_b is None else draw_a.location
    return Suspect(
        slug="unseeded",
        summary=f"{what[0].upper() + what[1:]} came from {name_of(generator)}, which nobody had seeded.",
        evidence=tuple(lines),
        location=where,
        remedy=_seeding_remedy(case, generator, draw_b, seed_a, seed_b),
        counterfactuals=(
            *(
                replace(each, transplants=tuple({**plan, STANDS_IN: True} for plan in each.transplants))
                for each in counterfactuals
            ),
            Counterfactual(
                "keras.utils.set_random_seed(1) before anything is drawn, on both sides", both=seed_first(case, 1)
            ),
        ),
    )


def _seeding_remedy(case: Case, generator: str, draw: Event, seed_a: Event | None, seed_b: Event | None) -> str:
    if own := library_seeds.remedy(case.b, draw, place(draw.location)):
        return own
    if draw.function.startswith("Dataset."):
        call = draw.function.removeprefix("Dataset.")
        return f"{call}(..., seed=1)  at {place(draw.location)}, or  keras.utils.set_random_seed(1)  before it"
    if generator == "torch" and case.comparison.candidate.backend != "torch":
        # keras.utils.set_random_seed seeds PyTorch on its own backend only (keras/src/utils/rng_utils.py, 3.15.1).
        return (
            "put  torch.manual_seed(1)  before the data is read: keras.utils.set_random_seed leaves PyTorch alone here"
        )
    seed, side = (seed_a, case.b) if seed_b is None else (seed_b, case.a)
    if seed is not None and isinstance(seed.value, int):
        return f"put  keras.utils.set_random_seed({seed.value})  before the model is built, in the {side.role} as well"
    return "put  keras.utils.set_random_seed(1)  before the model is built, on both sides"


def other_seed(
    case: Case, generator: str, seed_a: Event, seed_b: Event, counterfactuals: tuple[Counterfactual, ...]
) -> Suspect:
    """Returns the suspect for a generator that the two sides have given different seeds."""
    all_of_it = seed_a.function == seed_b.function == "keras.utils.set_random_seed"
    seeded = "everything" if all_of_it else generator
    in_turn = seed_lines.seeds_in_turn(case, seed_a, seed_b)
    # First: what one line seeds is one cause, however much draws from it.
    counterfactuals = (
        *seed_lines.same_seeds(seed_a, seed_b, in_turn, place(seed_b.location)),
        *counterfactuals,
    )
    return Suspect(
        slug="different-seed",
        summary=f"The two sides seeded {seeded} with {seed_a.value} and {seed_b.value}.",
        evidence=(
            Evidence(f"{seed_a.function}({seed_a.value}) at {place(seed_a.location)}", "baseline", seed_a.location),
            Evidence(f"{seed_b.function}({seed_b.value}) at {place(seed_b.location)}", "candidate", seed_b.location),
        ),
        location=seed_b.location,
        remedy=seed_lines.remedy(case, seed_a, seed_b, in_turn),
        counterfactuals=counterfactuals,
    )


def _advanced(
    case: Case,
    generator: str,
    draw_a: Event,
    draw_b: Event,
    seed_a: Event,
    seed_b: Event,
    what: str,
    counterfactuals: tuple[Counterfactual, ...],
) -> Suspect:
    counted = f"for {what} the baseline began at draw {draw_a.index}, the candidate at draw {draw_b.index}"
    if draw_a.index == draw_b.index:
        counted = f"before {what} something drew on one side alone that cannot be listed{_UNLISTED.get(generator, '')}"
    lines = [Evidence(f"{name_of(generator)} was seeded with {seed_b.value}; {counted}", "", seed_b.location)]
    ahead, seed, draw = (case.b, seed_b, draw_b) if draw_b.index >= draw_a.index else (case.a, seed_a, draw_a)
    lines += _ledger_lines(ahead, generator, seed, draw)
    if seed.id != (seed_a.id if ahead is case.b else seed_b.id) or not case.same_process:
        behind, other_seed, other = (case.a, seed_a, draw_a) if ahead is case.b else (case.b, seed_b, draw_b)
        lines += _ledger_lines(behind, generator, other_seed, other)
    remedy = looked_on_one_side(case, generator, (draw_a, seed_a), (draw_b, seed_b))
    if remedy:
        role = "candidate" if draw_b.index < draw_a.index else "baseline"
        lines.append(Evidence("fit takes no first look here: an earlier call had built the model's metrics", role))
    remedy = remedy or _own_generator(case, generator, (draw_a, seed_a), (draw_b, seed_b))
    summary = (
        f"Both sides start from the seed {seed_b.value}, but {name_of(generator)} had been drawn from before "
        f"{what} {'were' if what.startswith(_PLURAL) else 'was'} drawn."
    )
    if not remedy and only_order_differs(case, generator, (draw_a, seed_a), (draw_b, seed_b)):
        summary = (
            f"Both sides start from the seed {seed_b.value} and make the same layers, but in another order: each "
            f"takes its seed from the next draw of {name_of(generator)}."
        )
        remedy = (
            "construct the layers in the same order on both sides, or give each a seed of its own; with "
            "samefit.pinned(SEED)  (or --pin SEED)  the order does not matter"
        )
    again, lines_before = seeded_again(case, generator, (draw_a, seed_a), (draw_b, seed_b))
    places = " and before ".join(dict.fromkeys(map(place, lines_before)))
    or_else = _or_else(case, generator, (draw_a, seed_a), (draw_b, seed_b))
    return Suspect(
        slug="generator-advanced",
        summary=summary,
        evidence=tuple(lines),
        location=draw_b.location or case.b.training.location,
        remedy=remedy or f"put  {again}  before {places}{or_else}",
        counterfactuals=counterfactuals,
    )


def _own_generator(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> str:
    """Returns the remedy where a line of the user's draws while the training runs, on one side alone; else "".

    To seed before the training is no help then.
    """
    where, component = drawn_within(case, generator, drawn_a, drawn_b)
    if where is None or where == drawn_b[0].location:
        return ""
    if component:
        # What Keras draws for an `evaluate` or `predict` in a callback.
        return (
            f"keep the order of fit apart from what {place(where)} draws:  samefit.pinned(SEED)  (or --pin SEED),  or "
            "shuffle the data yourself and  fit(shuffle=False)"
        )
    return _drawing_apart(where, generator)


def _or_else(case: Case, generator: str, drawn_a: Drawn, drawn_b: Drawn) -> str:
    """Returns what else keeps a generator apart from what had drawn from it."""
    if case.same_process:
        return ", or run each training in a process of its own"
    lines = drawing_lines(case, generator, drawn_a, drawn_b)
    return f"; or {_drawing_apart(lines[0], generator)}" if lines else ""


def _drawing_apart(where: Location, generator: str) -> str:
    own = {"numpy": ":  numpy.random.default_rng(1)", "python": ":  random.Random(1)"}.get(generator, "")
    return f"let {place(where)} draw from a generator of its own{own}"


_UNLISTED = {
    # `check_random_state(None)` takes `numpy.random.mtrand._rand` (sklearn/utils/validation.py, 1.9.1).
    "numpy": ", as scikit-learn does with random_state=None",
    "torch": ", as a call in training mode does",
    "tensorflow": ", as a call in training mode does",
}
"""Who draws without being seen, by generator."""

_PLURAL = ("the first values", "the values", "the random numbers", "the samples")
"""How `what` begins where there are several of it."""


def _ledger_lines(side: Side, generator: str, seed: Event, draw: Event) -> list[Evidence]:
    lines: dict[tuple[str, Location | None], int] = {}
    for event in side.draws(generator, seed.id, draw.id):
        key = (_component(event), event.location)
        lines[key] = lines.get(key, 0) + event.count
    return [
        Evidence(f"{count} draw{'s' * (count != 1)}: {component}", side.role, location)
        for (component, location), count in list(lines.items())[:8]
    ]


def _component(event: Event) -> str:
    return event.component or event.function


def seed_first(case: Case, value: Any) -> tuple[Mapping[str, Any], ...]:
    """Returns the plan that seeds everything before a side begins."""
    return ({"do": "seed_first", "seed": int(value) if isinstance(value, int) else 1},)


def restore(side: Side, target: Side, *, generators: tuple[str, ...], at: str, **keys: Any) -> Mapping[str, Any] | None:
    """Returns the transplant that puts generators of `target` into the states that they had on `side`.

    Args:
        side: Where the states come from.
        target: Where they go.
        generators: Which ones.
        at: "side", "training" or "epoch", the moment on both sides.
        **keys: "training_a", "training_b", "epoch" where the moment needs them.
    """
    if at == "side":
        point, place_keys = f"side:{side.name}", {"side": target.name}
    elif at == "training":
        point, place_keys = f"training:{keys['training_a']}", {"training": keys["training_b"]}
    else:
        point = f"epoch:{keys['training_a']}:{keys['epoch']}"
        place_keys = {"training": keys["training_b"], "epoch": keys["epoch"]}
    states = side.run.generator_states(point)
    wanted = {name: state.hex() for name, state in states.items() if name in generators}
    return {"do": "generators", "at": at, "states": wanted, **place_keys} if wanted else None


def before_draw(side: Side, target: Side, draw_a: Event, draw_b: Event) -> Mapping[str, Any] | None:
    """Returns the transplant that puts the generator back right before one draw of `target`."""
    generator = draw_a.generator
    states = side.run.generator_states(f"draw:{draw_a.side}:{generator}:{draw_a.draw}")
    if generator not in states:
        return None
    return {
        "do": "generators",
        "at": "draw",
        "side": target.name,
        "generator": generator,
        "draw": draw_b.draw,
        "states": {generator: states[generator].hex()},
    }
