"""Causes of a divergence in the state before a step: first weights, slots, and the seeds of random layers."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.begun_late import begun_late, explain_made_before
from samefit.explain.carried import explain_carried
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.left_behind import explain_own_generators
from samefit.explain.mapping import explain_assigned
from samefit.explain.own_draws import explain_own_draws
from samefit.explain.slots import explain_slots
from samefit.explain.unwatched import explain_hidden_draws
from samefit.explain.values import layer_location, taken_from_baseline
from samefit.store.records import Event, Origin, VariableRecord
from samefit.types import Location, Role


def explain_initial(case: Case) -> Iterator[Suspect]:
    """Yields suspects for first weights that differ."""
    weights = case.differing_of(Role.TRAINABLE, Role.NON_TRAINABLE)
    yield from explain_carried(case, weights)
    yield from explain_assigned(case, weights)
    yield from explain_made_before(case)
    for i, j in weights[:1]:
        a, b = case.a.layout[i], case.b.layout[j]
        if a.origin is None or b.origin is None or a.origin.assigned or b.origin.assigned:
            continue
        yield from _shared(case, i, j)
        yield from _generator(case, a, b)
        yield from _seeds(case, a, b)
    if weights:
        yield from _own_initializer(case)
    if not weights:
        yield from explain_slots(case)


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
                    layer_location(side, position),
                ),
                Evidence(
                    "on the other side each weight has an initialiser of its own",
                    other.role,
                    layer_location(other, other_position),
                ),
            ),
            location=layer_location(side, position),
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
    seeded = begun_late(side) or (event is not None and side.seeding("python", event.id) is not None)
    return Suspect(
        slug="different-seed" if seeded else "unseeded",
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


def _generator(case: Case, a: VariableRecord, b: VariableRecord) -> Iterator[Suspect]:
    """One initialiser on two backends: each has a generator of its own, whatever the seeds are."""
    assert a.origin is not None
    assert b.origin is not None
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    if one == other or a.origin.seed is None or b.origin.seed is None:
        return
    if a.origin.initializer != b.origin.initializer or _options(a.origin) != _options(b.origin):
        return  # a difference of options: found among the settings
    name, equal = a.origin.initializer, a.origin.seed == b.origin.seed
    what = "same initialiser, same integer seed, other first values"
    if not equal:
        what = "same initialiser, seeds of their own; equal seeds would give other first values as well"
    yield Suspect(
        slug="backend-generator",
        summary=f"{name}(seed={a.origin.seed}) gives other values on {one} than on {other}."
        if equal
        else f"{name} draws from another generator on {one} than on {other}, and with another seed.",
        evidence=(Evidence(f"{a.path}: {what}", "", _origin_line(case.b, b)),),
        location=_origin_line(case.b, b),
        remedy="build and train inside  with samefit.pinned(SEED):  (or check with --pin SEED), which gives every "
        "backend the same first weights; or save the weights on one backend and load them on the other",
        counterfactuals=taken_from_baseline(
            case,
            case.differing_of(Role.TRAINABLE, Role.NON_TRAINABLE),
            # No generator of another backend can be put in: the re-run shows the place, the recorded seeds the rest.
            "the baseline's first weights in the candidate",
            stage_only=True,
        ),
    )


def _options(origin: Origin) -> dict[str, object]:
    return {k: v for k, v in origin.config.items() if k != "seed"}


def _own_initializer(case: Case) -> Iterator[Suspect]:
    """First values drawn by the user's own code (an initialiser of their own, `set_weights` of random arrays)."""
    yield from explain_own_draws(case)
    yield from explain_hidden_draws(case)
    yield from explain_own_generators(case)
