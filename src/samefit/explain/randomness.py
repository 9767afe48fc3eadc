"""Causes of a divergence at the stage `randomness`: a random layer, or the step itself, draws other numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.drawn_in_fit import put_back
from samefit.explain.seed_generators import explain_seed_generators, find_state, plans_of_later_trainings
from samefit.store.records import Event
from samefit.types import Location, Role


def explain_randomness(case: Case) -> Iterator[Suspect]:
    """Yields suspects for random layers whose state differs."""
    seeds = case.differing_of(Role.SEED)
    restarted = list(_restarted(case, seeds))
    yield from restarted or _advanced(case, seeds)
    if seeds:
        yield from _made_anew(case, seeds)
        yield from explain_seed_generators(case)
    if case.divergence.path in ("torch", "numpy", "python", "tensorflow"):
        yield from _process_generator(case, case.divergence.path)


def _restarted(case: Case, seeds: list[tuple[int, int]]) -> Iterator[Suspect]:
    """The counters of random layers went back to zero on one side."""
    for side, other, lost in ((case.b, case.a, True), (case.a, case.b, False)):
        anew = [pair for pair in seeds if _is_first(side, other, pair[lost], pair[not lost])]
        if not anew:
            continue
        paths = [side.layout[pair[lost]].path for pair in anew]
        layer = side.layer_of(side.layout[anew[0][lost]])
        name = layer.class_name if layer is not None else "random layer"
        values = {case.b.layout[j].path: find_state(case.a, i) for i, j in anew}
        standing = find_state(other, anew[0][not lost])
        fixes: tuple[Counterfactual, ...] = ()
        if None not in values.values():
            plan = {"do": "seed_states", "training": case.b.training.number, "values": values}
            fixes = (Counterfactual(f"the counter of {name} taken from the baseline", (plan,)),)
        yield Suspect(
            slug="state-lost" if lost else "state-carried-over",
            summary=f"The seed generator of {name} started anew on the side of the {side.role}: its counter is at zero "
            "again, and its masks repeat.",
            evidence=(
                Evidence(
                    f"what they were before the first step: {', '.join(paths[:4])}", side.role, side.training.location
                ),
                *((Evidence(f"on this side the counter stands at {standing[1]}", other.role),) if standing else ()),
            ),
            location=case.b.training.location,
            remedy="carry it over after loading:  new.seed_generator.state.assign(old.seed_generator.state)  "
            "(.keras files do not hold it)",
            counterfactuals=fixes,
            no_counterfactual="" if fixes else "the counter's value could not be read from the run",
        )
        return


def _advanced(case: Case, seeds: list[tuple[int, int]]) -> Iterator[Suspect]:
    """The same seed, another counter: a random layer had drawn more on one side before this step."""
    states = [(i, j, find_state(case.a, i), find_state(case.b, j)) for i, j in seeds]
    moved = [
        (i, j, one, other) for i, j, one, other in states if one and other and one[0] == other[0] and one[1] != other[1]
    ]
    if not moved:
        return
    first, position, one, other = moved[0]
    layer = case.b.layer_of(case.b.layout[position])
    name = layer.class_name if layer is not None else "random layer"
    values = {case.b.layout[j].path: state for _, j, state, _ in moved}
    plan = {"do": "seed_states", "training": case.b.training.number, "values": values}
    fixes = [Counterfactual(f"the counter of {name} taken from the baseline", (plan,))]
    later = plans_of_later_trainings(case, {case.b.layout[j].path: i for i, j, *_ in moved})
    if later:
        # Where something else parts the sides before, the last of these are not come to: then this one alone.
        fixes.insert(0, Counterfactual(f"{fixes[0].text}, before this fit and each later one", (plan, *later)))
    ahead, own = (case.b, position) if one[1] < other[1] else (case.a, first)
    call = _called_at(ahead, own)
    told = Evidence("every call in training mode draws: model(x, training=True), or a fit of another model with it")
    before = f"before {generators.place(ahead.training.location)}"
    if call is not None:
        before = f"at {generators.place(call)}"
        told = Evidence(f"it was called {before}, outside of any training, and drew", ahead.role, call)
    where = f"step {case.divergence.step}" if case.divergence.step > 1 else "the first step"
    yield Suspect(
        slug="generator-advanced",
        summary=f"{name} has the seed {one[0]} on both sides, but had drawn {abs(one[1] - other[1])} more before "
        f"{where} on the side of the {ahead.role}.",
        evidence=(
            *(
                Evidence(f"the counter of {name} stands at {state[1]}", side.role, side.training.location)
                for side, state in ((case.a, one), (case.b, other))
            ),
            told,
        ),
        location=call or ahead.training.location,
        remedy=f"call the model without training=True {before}, or put back what "
        "that call moves, also where a loop does so for several models:  "
        "state = layer.seed_generator.state.numpy()  before it,  layer.seed_generator.state.assign(state)  behind it",
        counterfactuals=tuple(fixes),
    )


def _called_at(side: Side, position: int) -> Location | None:
    """Returns the user's line that called a random layer outside of any training last; None if nothing did."""
    origin = side.layout[position].origin
    return None if origin is None or origin.assigned != "call" else origin.assigned_location


def _is_first(side: Side, other: Side, position: int, others: int) -> bool:
    """Whether a generator stands on `side` where the other side's stood before its first step, and no longer stands."""
    first = _first_digest(other, others)
    return first is not None and side.digest_before(position) == first != other.digest_before(others)


def _made_anew(case: Case, seeds: list[tuple[int, int]]) -> Iterator[Suspect]:
    """One side goes on with its model, the other with a copy, whose random layers have seeds of their own."""
    for side, other, lost in ((case.b, case.a, True), (case.a, case.b, False)):
        if not _is_new(side) or _is_new(other) or case.differing_of(Role.TRAINABLE):
            continue
        values = {case.b.layout[j].path: find_state(case.a, i) for i, j in seeds}
        fixes: tuple[Counterfactual, ...] = ()
        if None not in values.values():
            plan = {"do": "seed_states", "training": case.b.training.number, "values": values}
            fixes = (Counterfactual("the states of the baseline's random layers", (plan,)),)
        paths = ", ".join(side.layout[pair[1] if lost else pair[0]].path for pair in seeds[:3])
        yield Suspect(
            slug="state-lost" if lost else "state-carried-over",
            summary=f"The {side.role} goes on with a copy of the model, whose random layers draw from new seeds.",
            evidence=(
                Evidence(
                    f"the model of #{side.training.number} was not trained before", side.role, side.model.location
                ),
                Evidence(
                    f"that of #{other.training.number} was, and its weights are bit-equal",
                    other.role,
                    other.model.location,
                ),
                Evidence(f"another seed or counter: {paths}", side.role),
            ),
            location=side.training.location,
            remedy="give the layers explicit seeds, or carry the states over after loading:  "
            "new.seed_generator.state.assign(old.seed_generator.state)  (.keras files do not hold them)",
            counterfactuals=fixes,
            no_counterfactual="" if fixes else "the states could not be read from the run",
        )
        return


def _is_new(side: Side) -> bool:
    """Whether a side's model was not trained before the training in which the sides part."""
    earlier = [training for training in side.trainings if training.number < side.training.number]
    return bool(earlier) and all(training.model != side.training.model for training in earlier)


def _first_digest(side: Side, position: int) -> bytes | None:
    number = side.trainings[0].number if side.trainings else side.training.number
    for training in (side.run.training(number), side.training):
        state = side.run.begin_state(training.number)
        if state is not None and side.run.layouts[state.layout][position : position + 1]:
            return state.digests[16 * position : 16 * position + 16]
    return None


def _process_generator(case: Case, generator: str) -> Iterator[Suspect]:
    """The step itself draws from a generator of the process (an unseeded Dropout on PyTorch does)."""
    first, second = (
        Event(
            id=side.training.begin_event,
            kind="draw",
            generator=generator,
            function=f"{generator} in the step",
            index=sum(e.count for e in side.draws(generator, _seeded_at(side, generator), side.training.begin_event)),
            location=side.training.location,
        )
        for side in (case.a, case.b)
    )
    number_a, number_b = case.a.training.number, case.b.training.number
    plans = put_back(case, generator)
    side = generators.restore(
        case.a, case.b, generators=(generator,), at="side", training_a=number_a, training_b=number_b
    )
    if side is not None:
        plans.append(Counterfactual(f"{generators.name_of(generator)} put back before the side", (side,)))
    suspect = generators.explain_draw(
        case,
        generator,
        first,
        second,
        what="the random numbers of the step",
        counterfactuals=tuple(plans),
        training_begins=False,
    )
    if suspect is not None and _begins(case.a) != _begins(case.b):
        # One side goes on, and the other was resumed in a training of its own.
        keeps = f"which keep where {generators.name_of(generator)} stood"
        suspect = replace(suspect, remedy=f"resume with  samefit.pinned(SEED)  and  samefit.Checkpoint,  {keeps}")
    if suspect is not None:
        yield suspect


def _begins(side: Side) -> bool:
    """Whether the step in which a side parts is the first of its training."""
    return side.step.index == side.run.step_indices([side.training.number])[0]


def _seeded_at(side: Side, generator: str) -> int:
    seed = side.seeding(generator, side.training.begin_event)
    return seed.id if seed is not None else -1
