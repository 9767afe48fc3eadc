"""Causes where weights or slots were put by the user's code: in another place, or on one side only."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.explain.values import Pairs, ended_with, exchanged, layer_location, taken_from_baseline
from samefit.store.records import Event, Origin, TrainingRecord

LOADED = ("load_weights", "load_model", "set_weights")
"""How a user puts values where they are, by the name of the function."""


def explain_assigned(case: Case, weights: Pairs) -> Iterator[Suspect]:
    """Yields suspects for first weights that the user's code put where they are."""
    yield from _moved_by_calls(case, weights)
    yield from _adapted(case, weights)
    put = _put(case.b, [j for _, j in weights]) or _put(case.a, [i for i, _ in weights])
    if put is None:
        return
    places = exchanged(case, weights)
    if places is not None:
        yield _exchanged(case, weights, places, put)
        return
    yield from _partly(case, weights)


def _moved_by_calls(case: Case, weights: Pairs) -> Iterator[Suspect]:
    """State that a layer keeps of its own (moving averages, RNN state) was moved by a call outside of any training."""
    for side, index in ((case.b, 1), (case.a, 0)):
        moved = [pair for pair in weights if _assigned(side, pair[index]) == "call"]
        other = case.a if side is case.b else case.b
        if len(moved) < len(weights) or all(_assigned(other, pair[1 - index]) == "call" for pair in moved):
            continue
        origin = side.layout[moved[0][index]].origin
        assert origin is not None
        paths = ", ".join(side.layout[pair[index]].path for pair in moved[:4])
        yield Suspect(
            slug="state-carried-over",
            summary=f"A call outside of any training had moved what a layer of the {side.role} keeps of its inputs.",
            evidence=(
                Evidence(
                    f"moved by a call at {place(origin.assigned_location)}: {paths}",
                    side.role,
                    origin.assigned_location,
                ),
            ),
            location=origin.assigned_location,
            remedy="call the model with training=False before it trains, reset the state "
            "(layer.reset_state()), or build a new model for each training",
            counterfactuals=taken_from_baseline(case, moved, "the state of these layers taken from the baseline"),
            no_counterfactual="the values before the step are not in the run",
        )
        return


def _adapted(case: Case, weights: Pairs) -> Iterator[Suspect]:
    """A layer learned what it keeps from other data (`adapt`), or on one side only."""
    adapted = [p for p in weights if "adapt" in (_assigned(case.a, p[0]), _assigned(case.b, p[1]))]
    if not adapted:
        return
    evidence = []
    for side, index in ((case.a, 0), (case.b, 1)):
        origin = side.layout[adapted[0][index]].origin
        here = origin is not None and origin.assigned == "adapt"
        where = origin.assigned_location if origin is not None and here else layer_location(side, adapted[0][index])
        paths = ", ".join(side.layout[pair[index]].path for pair in adapted[:3])
        evidence.append(Evidence(f"{'set by adapt' if here else 'not adapted'}: {paths}", side.role, where))
    layer = case.b.layer_of(case.b.layout[adapted[0][1]])
    yield Suspect(
        slug="data-content",
        summary=f"{layer.class_name if layer is not None else 'A layer'} was adapted to other data on each side.",
        evidence=tuple(evidence),
        location=evidence[1].location or case.b.training.location,
        remedy="call  adapt  with the same data on both sides: with the training data alone, as a rule",
        counterfactuals=taken_from_baseline(case, adapted, "what the baseline's layers were adapted to"),
        no_counterfactual="the first weights are not in the run",
    )


def _assigned(side: Side, position: int) -> str | None:
    origin = side.layout[position].origin
    return None if origin is None else origin.assigned


def explain_slot_order(case: Case, slots: Pairs) -> Iterator[Suspect]:
    """Yields a suspect where the optimizer's slots hold the same values in other places."""
    places = exchanged(case, slots)
    if places is None:
        return
    yield Suspect(
        slug="weight-mapping",
        summary="The optimizer holds the same slots on both sides, but for other weights.",
        evidence=tuple(_lines(case, slots, places)),
        location=case.b.training.location,
        remedy="save and load model and optimizer together (a .keras file), or list the weights in one order: "
        "slots are put back by position",
        counterfactuals=_moved(case, places, "the slots moved to the weights that they belong to"),
    )


def _put(side: Side, positions: list[int]) -> Origin | None:
    """Returns where the first of these variables that the user assigned was assigned."""
    origins = [side.layout[position].origin for position in positions]
    return next((origin for origin in origins if origin is not None and origin.assigned), None)


def _exchanged(case: Case, weights: Pairs, places: dict[int, int], put: Origin) -> Suspect:
    return Suspect(
        slug="weight-mapping",
        summary="The same arrays are in both models, but in other places.",
        evidence=(
            Evidence(f"{put.assigned} at {place(put.assigned_location)}", "", put.assigned_location),
            *_lines(case, weights, places),
        ),
        location=put.assigned_location,
        remedy="load weights by the names of the layers, or check the order in which the layers were made",
        counterfactuals=_moved(case, places, "its own arrays moved to where the baseline has them"),
    )


def _lines(case: Case, pairs: Pairs, places: dict[int, int]) -> Iterator[Evidence]:
    partner = {j: i for i, j in pairs}
    for here, there in list(places.items())[:4]:
        wanted, own = case.a.layout[partner[here]].path, case.b.layout[here].path
        # Paths may be the same on both sides and name layers in other places.
        instead = f", not in {own}, which runs in its place" if own != wanted else ""
        yield Evidence(f"what the baseline has in {wanted} stands in {case.b.layout[there].path}{instead}", "candidate")


def _moved(case: Case, places: dict[int, int], text: str) -> tuple[Counterfactual, ...]:
    begin = case.b.run.begin_state(case.b.training.number)
    if begin is None or begin.step != case.b.step.index:
        return ()
    plan = {
        "do": "permute",
        "training": case.b.training.number,
        "pairs": {case.b.layout[here].path: case.b.layout[there].path for here, there in places.items()},
    }
    return (Counterfactual(text, (plan,)),)


def _partly(case: Case, weights: Pairs) -> Iterator[Suspect]:
    """What one side loaded, the other did not: all of it, or only for some of the layers."""
    for side, other, index in ((case.a, case.b, 0), (case.b, case.a, 1)):
        loaded = [pair for pair in weights if _was_loaded(side, pair[index])]
        if not loaded or any(_was_loaded(other, pair[1 - index]) for pair in loaded):
            continue
        position = loaded[0][index]
        origin = side.layout[position].origin
        assert origin is not None
        line = origin.assigned_location
        other_put = _put(other, list(range(len(other.layout))))
        tried = _load_that_reached_nothing(other) if other_put is None else None
        if tried is not None:
            yield _in_vain(case, weights, (side, origin), (other, tried))
            return
        goes_on = ended_with(other, [pair[1 - index] for pair in loaded]) if other_put is None else None
        if goes_on is not None:
            yield _put_instead(case, loaded, (side, origin), (other, goes_on))
            return
        paths = ", ".join(other.layout[pair[1 - index]].path for pair in loaded[:4])
        where = other_put.assigned_location if other_put is not None else layer_location(other, loaded[0][1 - index])
        slug = "state-lost" if other is case.b else "state-carried-over"
        yield Suspect(
            slug="weight-mapping" if other_put is not None else slug,
            summary=f"The weights that the {side.role} loads reach only some layers of the {other.role}."
            if other_put is not None
            else f"The {side.role} loads its weights; the {other.role} does not.",
            evidence=(
                Evidence(f"{origin.assigned} at {place(line)}", side.role, line),
                Evidence(f"not loaded: {paths}", other.role, where),
            ),
            location=line if side is case.b and other_put is None else where or other.training.location,
            remedy="give the layers the names that they have in the file, and load without skip_mismatch"
            if other_put is not None
            else f"load the weights on both sides:  model.{origin.assigned}(...)",
            counterfactuals=taken_from_baseline(case, weights, "the first weights taken from the baseline"),
            no_counterfactual="the first weights are not in the run",
        )
        return


def _put_instead(
    case: Case, weights: Pairs, loaded: tuple[Side, Origin], other: tuple[Side, TrainingRecord]
) -> Suspect:
    """One side goes on from where an earlier training of its own ended, and the other puts values of its own there."""
    (side, origin), (going_on, training) = loaded, other
    line = origin.assigned_location
    paths = ", ".join(going_on.layout[pair[going_on is case.b]].path for pair in weights[:4])
    earlier = [t for t in side.trainings if t.number < side.training.number]
    # Layers that were made before the trainings may have had these values until others were put there.
    anew = bool(earlier) and origin.event > earlier[-1].begin_event
    return Suspect(
        slug="state-lost" if anew and going_on is case.a else "state-carried-over",
        summary=f"The {going_on.role} goes on from the end of training #{training.number}; the {side.role} puts other "
        "values there.",
        evidence=(
            Evidence(f"bit-equal to the end of #{training.number}: {paths}", going_on.role, training.location),
            Evidence(f"{origin.assigned} at {place(line)}", side.role, line),
        ),
        location=line or side.training.location,
        remedy=f"put the same values there on both sides:  {origin.assigned}  at {place(line)}",
        counterfactuals=taken_from_baseline(case, weights, "the first weights taken from the baseline"),
        no_counterfactual="the first weights are not in the run",
    )


def _load_that_reached_nothing(side: Side) -> Event | None:
    """Returns the last call of `load_weights` of the model before its training, if that assigned nothing; else None."""
    begin, name = side.training.begin_event, side.model.name
    calls = [e for e in side.events if e.kind == "load" and e.id < begin and e.component == name]
    return calls[-1] if calls and calls[-1].value == 0 else None


def _in_vain(case: Case, weights: Pairs, loaded: tuple[Side, Origin], other: tuple[Side, Event]) -> Suspect:
    (side, origin), (in_vain, tried) = loaded, other
    return Suspect(
        slug="weight-mapping",
        summary=f"{tried.function} of the {in_vain.role} reached none of its weights: no layer has a name or a shape "
        "that is in the file.",
        evidence=(
            Evidence(f"{origin.assigned} at {place(origin.assigned_location)}", side.role, origin.assigned_location),
            Evidence(f"{tried.function} left all weights at their first values", in_vain.role, tried.location),
        ),
        location=tried.location,
        remedy="give the layers the names that they have in the file, or load by position (by_name=False), and without "
        "skip_mismatch=True, which passes over what does not fit",
        counterfactuals=taken_from_baseline(case, weights, "the first weights taken from the baseline"),
        no_counterfactual="the first weights are not in the run",
    )


def _was_loaded(side: Side, position: int) -> bool:
    return _assigned(side, position) in LOADED
