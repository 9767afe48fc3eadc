"""Seeds that a `SeedGenerator` was given: one of a layer, or of a layer or a model of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from samefit.comparison.result import Evidence
from samefit.explain import generators
from samefit.explain.begun_late import begun_late
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.weights import event_of, seed_plans
from samefit.store.digest import state_digest
from samefit.types import Location, Role


class Given(NamedTuple):
    """The seed that a generator was given; `event` is the draw that gave it, `is_drawn` whether Keras drew it."""

    holder: str
    value: int
    is_drawn: bool
    event: int | None
    location: Location | None

    @property
    def told(self) -> str:
        """What stands in the code, and what that gave."""
        return f"SeedGenerator() got {self.value} from Keras" if self.is_drawn else f"SeedGenerator({self.value})"


def given_seed(side: Side, position: int) -> Given | None:
    """Returns the seed of the generator that a variable is the state of; None if it is not known."""
    variable = side.layout[position]
    layer, origin = side.layer_of(variable), variable.origin
    if origin is not None and origin.seed is not None:
        # A layer may hold several generators, and a model of the user's own is in no list of layers.
        holder = side.model.class_name if layer is None else layer.class_name
        drawn = origin.seed_draw is not None or origin.seed_event is not None
        # The layer's own line may be far from the one that makes the generator.
        line = layer.location if origin.location is None and layer is not None else origin.location
        return Given(holder, origin.seed, drawn, origin.seed_event, line)
    if layer is None or layer.seed_value is None:
        return None
    drawn = layer.seed_draw is not None or layer.seed_event is not None
    return Given(layer.class_name, layer.seed_value, drawn, layer.seed_event, layer.location)


def find_state(side: Side, position: int, digest: bytes | None = None) -> tuple[int, int] | None:
    """Finds (seed, counter) behind a digest by counting up from the seed that the generator was given.

    Args:
        side: A side.
        position: Where the generator's state stands in its layout.
        digest: What the state is to have; None: what it had before the step in which the sides part.
    """
    given, wanted = given_seed(side, position), digest or side.digest_before(position)
    if given is None or wanted is None:
        return None
    for counter in range(200_000):
        if state_digest(np.array([given.value, counter], dtype=np.int64)) == wanted:
            return given.value, counter
    return None


def plans_of_later_trainings(case: Case, paths: dict[str, int]) -> list[dict[str, Any]]:
    """Returns plans that put generators to where the baseline's stood when its later trainings began.

    What draws between two trainings does so again, as a rule: a call in training mode behind each `fit` of a loop.

    Args:
        case: The case.
        paths: The position among the baseline's variables, by the candidate's path.
    """
    plans: list[dict[str, Any]] = []
    numbers = [[training.number for training in side.trainings] for side in (case.a, case.b)]
    if len(numbers[0]) != len(numbers[1]):
        return plans
    for one, other in zip(*numbers, strict=True):
        state = case.a.run.begin_state(one)
        if other <= case.b.training.number or state is None or case.a.run.layouts[state.layout] != case.a.layout:
            continue
        digests = {path: state.digests[16 * at : 16 * at + 16] for path, at in paths.items()}
        values = all_states(case.a, {path: (paths[path], digest) for path, digest in digests.items()})
        if values is not None:
            plans.append({"do": "seed_states", "training": other, "values": values})
    return plans


def all_states(side: Side, wanted: Mapping[str, tuple[int, bytes]]) -> dict[str, tuple[int, int]] | None:
    """Returns the state of each generator; None as soon as one is not found, for that takes a long search."""
    found: dict[str, tuple[int, int]] = {}
    for path, (position, digest) in wanted.items():
        state = find_state(side, position, digest)
        if state is None:
            return None
        found[path] = state
    return found


def explain_seed_generators(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where generators were given other seeds, and no option of a layer says so."""
    seeds = [
        (i, j, one, other)
        for i, j in case.differing_of(Role.SEED)
        if not _is_an_option(case, i, j)
        and (one := given_seed(case.a, i)) is not None
        and (other := given_seed(case.b, j)) is not None
        and one.value != other.value
    ]
    if not seeds:
        return
    written = [each for each in seeds if not (each[2].is_drawn and each[3].is_drawn)]
    if not written:
        yield from _drawn(case, seeds[0][2], seeds[0][3])
        return
    _, _, one, other = written[0]
    values = {case.b.layout[j].path: find_state(case.a, i) for i, j, *_ in written}
    known = None not in values.values()
    plan = {"do": "seed_states", "training": case.b.training.number, "values": values}
    yield Suspect(
        slug="different-seed" if _are_repeatable(case, one, other) else "unseeded",
        summary=f"The seed generator of {other.holder} was given another seed.",
        evidence=(
            Evidence(f"{one.told} at {generators.place(one.location)}", "baseline", one.location),
            Evidence(f"{other.told} at {generators.place(other.location)}", "candidate", other.location),
            *(Evidence(f"and {len(written) - 1} more") for _ in written[1:2]),
        ),
        location=other.location or one.location,
        remedy=f"give both the same seed:  SeedGenerator({other.value if one.is_drawn else one.value})",
        counterfactuals=(Counterfactual(f"the seed of the baseline's {one.holder}", (plan,)),) if known else (),
        no_counterfactual="" if known else "the states could not be read from the run",
    )


def _is_an_option(case: Case, i: int, j: int) -> bool:
    """Whether an option of the layers tells the seeds apart: that is told with the other options."""
    first, second = case.a.layer_of(case.a.layout[i]), case.b.layer_of(case.b.layout[j])
    return first is not None and second is not None and first.config.get("seed") != second.config.get("seed")


def _drawn(case: Case, one: Given, other: Given) -> Iterator[Suspect]:
    """Keras drew both: where Python's generator stood is the question."""
    suspect = generators.explain_draw(
        case,
        "python",
        event_of(case.a, one.event),
        event_of(case.b, other.event),
        what=f"the seed of {other.holder}",
        counterfactuals=seed_plans(case),
    )
    if suspect is not None:
        yield suspect


def _are_repeatable(case: Case, *given: Given) -> bool:
    """Whether the seeds that Keras drew come from a generator that was seeded."""
    events = [(side, event_of(side, each.event)) for side, each in zip((case.a, case.b), given, strict=True)]
    drawn = [(side, event) for (side, event), each in zip(events, given, strict=True) if each.is_drawn]
    return all(
        begun_late(side) or (event is not None and generators.seeding(side, "python", event) is not None)
        for side, event in drawn
    )
