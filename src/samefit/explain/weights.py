"""Causes of a divergence in the state before a step: first weights, slots, and the seeds of random layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.store.digest import state_digest
from samefit.store.records import Event, Origin, VariableRecord
from samefit.types import Location, Role


def explain_initial(case: Case) -> Iterator[Suspect]:
    """Yields suspects for first weights that differ."""
    weights = case.differing_of(Role.TRAINABLE, Role.NON_TRAINABLE)
    yield from _carried_over(case, weights)
    for i, j in weights[:1]:
        a, b = case.a.layout[i], case.b.layout[j]
        if a.origin is None or b.origin is None:
            continue
        yield from _assigned(case, weights)
        yield from _shared(case, i, j)
        yield from _seeds(case, a, b)
        yield from _initializer(case, a, b)
        yield from _own_initializer(case)
    if not weights:
        yield from explain_slots(case)


def explain_slots(case: Case) -> Iterator[Suspect]:
    """Yields suspects for optimizer slots that differ before a step."""
    slots = case.differing_of(Role.OPTIMIZER)
    if not slots:
        return
    fresh_b = _is_zero(case.b, [j for _, j in slots])
    fresh_a = _is_zero(case.a, [i for i, _ in slots])
    names = ", ".join(dict.fromkeys(case.b.layout[j].slot or "" for _, j in slots[:6]))
    if fresh_b == fresh_a:
        return
    begun_anew = fresh_b
    side = case.b if fresh_b else case.a
    yield Suspect(
        slug="state-lost" if begun_anew else "state-carried-over",
        summary="The optimizer started anew on one side and went on with its state on the other.",
        evidence=(Evidence(f"zero on one side only: {names}", side.role, side.training.location),),
        location=side.training.location,
        remedy="save and load the optimizer with the model (a .keras file after fit), or compile anew on both sides",
        counterfactuals=_weights(case, slots, "the optimizer's state taken from the baseline"),
    )


def _is_zero(side: Side, positions: list[int]) -> bool:
    for position in positions:
        variable = side.layout[position]
        if variable.slot == "learning_rate":
            continue
        zero = state_digest(np.zeros(variable.shape, dtype=_dtype(variable)))
        if side.digest_before(position) != zero:
            return False
    return True


def _dtype(variable: VariableRecord) -> str:
    return variable.dtype if variable.dtype != "bfloat16" else "float32"


def _weights(case: Case, pairs: list[tuple[int, int]], text: str) -> tuple[Counterfactual, ...]:
    """Returns the transplant of the state before the diverging step, if that state is in the run."""
    name = f"initial-{case.a.training.number}"
    arrays = case.a.run.arrays(name)
    first = case.a.run.begin_state(case.a.training.number)
    if arrays is None or first is None or first.step != case.a.step.index:
        return ()
    plan = {
        "do": "weights",
        "training": case.b.training.number,
        "from": str(case.a.run.path),
        "arrays": name,
        "pairs": {case.b.layout[j].path: case.a.layout[i].path for i, j in pairs},
    }
    return (Counterfactual(text, (plan,)),)


def _carried_over(case: Case, weights: list[tuple[int, int]]) -> Iterator[Suspect]:
    """What one side starts from is where an earlier training of its process ended."""
    for side, index in ((case.b, 1), (case.a, 0)):
        earlier = [t for t in side.run.trainings if t.number < side.training.number]
        for training in reversed(earlier):
            steps = side.run.steps([training.number])
            state = side.run.state_after(steps[-1].index) if steps else None
            if state is None:
                continue
            ends = {state.digests[k : k + 16] for k in range(0, len(state.digests), 16)}
            carried = [
                pair
                for pair in weights
                if side.digest_before(pair[index]) in ends and not _is_first_value(side, pair[index])
            ]
            if not carried or len(carried) < len(weights):
                continue
            paths = ", ".join(side.layout[pair[index]].path for pair in carried[:3])
            fixes = []
            if case.separable and case.same_process and side is case.b:
                fixes.append(Counterfactual("the candidate run alone, in a fresh process", alone=True))
            fixes += _weights(case, weights, "the first weights taken from the baseline")
            yield Suspect(
                slug="state-carried-over",
                summary=f"The {side.role} starts from the weights with which training #{training.number} ended.",
                evidence=(
                    Evidence(f"bit-equal to the end of #{training.number}: {paths}", side.role, training.location),
                    Evidence(
                        f"their layers were constructed at {place(_layer_location(side, carried[0][index]))}",
                        side.role,
                        _layer_location(side, carried[0][index]),
                    ),
                ),
                location=_layer_location(side, carried[0][index]) or side.training.location,
                remedy="construct new layers (and a new model) for each training",
                counterfactuals=tuple(fixes),
            )
            return


def _layer_location(side: Side, position: int) -> Location | None:
    layer = side.layer_of(side.layout[position])
    origin = side.layout[position].origin
    return layer.location if layer is not None else origin.location if origin is not None else None


def _is_first_value(side: Side, position: int) -> bool:
    origin = side.layout[position].origin
    return origin is not None and origin.digest is not None and origin.digest == side.digest_before(position)


def _assigned(case: Case, weights: list[tuple[int, int]]) -> Iterator[Suspect]:
    """The weights were put there by the user's code: in another order?"""
    origins = [case.b.layout[j].origin for _, j in weights]
    origin = next((o for o in origins if o is not None and o.assigned), None)
    if origin is None:
        return
    ours = sorted(case.a.digest_before(i) or b"" for i, _ in case.alignment.pairs)
    theirs = sorted(case.b.digest_before(j) or b"" for _, j in case.alignment.pairs)
    if ours != theirs:
        return
    yield Suspect(
        slug="weight-mapping",
        summary="The same arrays are in both models, but in other places.",
        evidence=(
            Evidence(f"{origin.assigned} at {place(origin.assigned_location)}", "candidate", origin.assigned_location),
        ),
        location=origin.assigned_location,
        remedy="load weights by the names of the layers, or check the order in which the layers were made",
        counterfactuals=_weights(case, weights, "the weights put in the baseline's places"),
    )


def _shared(case: Case, i: int, j: int) -> Iterator[Suspect]:
    """One initialiser object serves several weights on one side only."""
    for side, position, other, other_position in ((case.a, i, case.b, j), (case.b, j, case.a, i)):
        shared = _same_object(side, position)
        if len(shared) < 2 or len(_same_object(other, other_position)) == len(shared):
            continue
        origin = side.layout[position].origin
        assert origin is not None
        paths = ", ".join(side.layout[p].path for p in shared)
        yield Suspect(
            slug="shared-initializer",
            summary=f"One {origin.initializer} object serves {len(shared)} weights of the {side.role}: "
            "it gives the same values each time.",
            evidence=(
                Evidence(
                    f"one {origin.initializer} (seed {origin.seed}) made {paths}",
                    side.role,
                    _layer_location(side, position),
                ),
                Evidence(
                    "on the other side each weight has an initialiser of its own",
                    other.role,
                    _layer_location(other, other_position),
                ),
            ),
            location=_layer_location(side, position),
            remedy=f"give each layer an initialiser of its own:  keras.initializers.{origin.initializer}(...)",
            counterfactuals=_unshared(case),
        )
        return


def _unshared(case: Case) -> tuple[Counterfactual, ...]:
    """The counterfactual of a shared initialiser: every weight of the candidate gets the baseline's initialiser."""
    seeds = _by_variable(case)
    if not seeds:
        return ()
    plan = {"do": "initializers", "side": case.b.name, "seeds": seeds}
    return (Counterfactual("an initialiser of its own, with the baseline's seed, for every weight", (plan,)),)


def _by_variable(case: Case) -> dict[str, int]:
    """Returns {number of the candidate's variable with a random initialiser: the baseline's seed for its partner}."""
    seeds = {}
    for i, j in case.alignment.pairs:
        a, b = case.a.layout[i].origin, case.b.layout[j].origin
        if a is not None and b is not None and a.seed is not None and b.number is not None:
            seeds[str(b.number)] = a.seed
    return seeds


def _same_object(side: Side, position: int) -> list[int]:
    origin = side.layout[position].origin
    if origin is None or origin.initializer_id is None:
        return []
    return [
        p
        for p, v in enumerate(side.layout)
        if v.origin is not None and v.origin.initializer_id == origin.initializer_id and v.role is not Role.OPTIMIZER
    ]


def event_of(side: Side, number: int | None) -> Event | None:
    """Returns the ledger's entry of a number."""
    return next((e for e in side.run.events if e.id == number), None) if number is not None else None


def _seed_values(case: Case) -> dict[str, int]:
    """Returns {number of the candidate's default seed: the value that the baseline drew for the same thing}."""
    values: dict[str, int] = {}
    for i, j in case.alignment.pairs:
        a, b = case.a.layout[i].origin, case.b.layout[j].origin
        if a is not None and b is not None and b.seed_draw is not None and a.seed is not None:
            values[str(b.seed_draw)] = a.seed
    return values


def _layer_seed_values(case: Case) -> dict[str, int]:
    """As `_seed_values`, for the generators of random layers."""
    values: dict[str, int] = {}
    for i, j in case.alignment.layers:
        a, b = case.a.model.layers[i], case.b.model.layers[j]
        if a.seed_draw is not None and b.seed_draw is not None and a.seed_value is not None:
            values[str(b.seed_draw)] = a.seed_value
    return values


def seed_plans(case: Case) -> tuple[Counterfactual, ...]:
    """Returns the re-run in which Keras draws the baseline's seeds for the candidate's layers."""
    values = _seed_values(case) | _layer_seed_values(case)
    plans = []
    if values:
        plan = {"do": "seeds", "side": case.b.name, "values": values}
        plans.append(Counterfactual("the seeds that Keras drew for the baseline's layers", (plan,)))
    return tuple(plans)


def _seeds(case: Case, a: VariableRecord, b: VariableRecord) -> Iterator[Suspect]:
    """Keras drew the initialisers' seeds from Python's generator, which stood elsewhere."""
    assert a.origin is not None
    assert b.origin is not None
    draw_a, draw_b = event_of(case.a, a.origin.seed_event), event_of(case.b, b.origin.seed_event)
    if draw_a is None or draw_b is None or a.origin.seed == b.origin.seed:
        if (draw_a is None) != (draw_b is None):
            yield _one_sided(case, a, b)
        return
    suspect = generators.explain_draw(
        case,
        "python",
        draw_a,
        draw_b,
        what=f"the first values of {b.path}",
        counterfactuals=seed_plans(case),
    )
    if suspect is not None:
        yield suspect


def _one_sided(case: Case, a: VariableRecord, b: VariableRecord) -> Suspect:
    assert a.origin is not None
    assert b.origin is not None
    side, variable = (case.b, b) if b.origin.seed_event is not None else (case.a, a)
    assert variable.origin is not None
    event = event_of(side, variable.origin.seed_event)
    seeded = event is not None and side.seeding("python", event.id) is not None
    return Suspect(
        slug="model-config" if seeded else "unseeded",
        summary=f"{variable.origin.initializer} of {variable.path} has a seed on one side only.",
        evidence=(
            Evidence(f"{variable.origin.initializer}() without a seed", side.role, _origin_line(side, variable)),
        ),
        location=_origin_line(side, variable),
        remedy=f"give it the other side's seed:  seed={a.origin.seed if side is case.b else b.origin.seed}",
        counterfactuals=seed_plans(case) if side is case.b else (),
        no_counterfactual="" if side is case.b else "the baseline would have to run again with a seed",
    )


def _origin_line(side: Side, variable: VariableRecord) -> Location | None:
    layer = side.layer_of(variable)
    return layer.location if layer is not None else variable.origin.location if variable.origin else None


def _initializer(case: Case, a: VariableRecord, b: VariableRecord) -> Iterator[Suspect]:
    """Equal seeds, other values: another generator. Other seeds or options, written by the user: another model."""
    assert a.origin is not None
    assert b.origin is not None
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    if a.origin.initializer != b.origin.initializer or _options(a.origin) != _options(b.origin):
        return  # a difference of options: found among the settings
    if a.origin.seed is not None and a.origin.seed == b.origin.seed and one != other:
        yield Suspect(
            slug="backend-generator",
            summary=f"{a.origin.initializer}(seed={a.origin.seed}) gives other values on {one} than on {other}.",
            evidence=(
                Evidence(
                    f"{a.path}: same initialiser, same integer seed, other first values", "", _origin_line(case.b, b)
                ),
            ),
            location=_origin_line(case.b, b),
            remedy="start both from the same weights: save them on one backend and load them on the other",
            counterfactuals=_weights(
                case,
                case.differing_of(Role.TRAINABLE, Role.NON_TRAINABLE),
                "the baseline's first weights in the candidate",
            ),
        )


def _options(origin: Origin) -> dict[str, object]:
    return {k: v for k, v in origin.config.items() if k != "seed"}


def _own_initializer(case: Case) -> Iterator[Suspect]:
    """First values drawn by the user's own code (an initialiser of their own, `set_weights` of random arrays)."""
    from samefit.explain.data import _own_draws

    yield from _own_draws(case)
