"""Whether weights part in the update, or in the gradients before it: what the optimizer holds after the step tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from samefit.align import Alignment
from samefit.comparison.compiled import OPTIMIZERS, parts_of
from samefit.comparison.optimizers import STEERING
from samefit.comparison.pairing import MISSING, Pairing, at
from samefit.comparison.values import same_value
from samefit.store.records import StateRecord, VariableRecord
from samefit.types import Role

_CONSTRAINT = "_constraint"


def parts_in_update(
    pairing: Pairing, position: int, states: tuple[StateRecord, StateRecord], parted: Sequence[tuple[int, int]]
) -> bool:
    """Whether what parts in a step from equal losses does so in the update, as far as the records tell.

    Args:
        pairing: The two sides.
        position: 0-based position of the pair of steps.
        states: What is known after the step.
        parted: Positions of the variables that differ then, (in the baseline's layout, in the candidate's).
    """
    a, b = pairing.trainings_at(position)
    layout = pairing.run_a.layouts[states[0].layout]
    if any(layout[i].slot in STEERING for i, _ in parted):
        return True
    if not same_value(*(parts_of(training.compiled, OPTIMIZERS) for training in (a, b))):
        return True
    alignment = pairing.align(position, *states)
    weights = [i for i, _ in parted if layout[i].role is Role.TRAINABLE]
    if not weights or any(layout[i].role is Role.OPTIMIZER for i, _ in parted):
        return False
    return {*weights} <= _with_equal_slots(alignment, states, layout) or all(
        _is_held_otherwise(pairing, position, alignment, layout[i]) for i in weights
    )


def other_optimizers(pairing: Pairing, position: int, slot: str | None) -> str:
    """Returns the classes of two optimizers that are not of one class, where a slot of theirs differs that only steers.

    A counter, or a learning rate, is not what makes the two part then.
    """
    a, b = (parts_of(each.compiled, OPTIMIZERS).get(OPTIMIZERS[0]) for each in pairing.trainings_at(position))
    if slot not in STEERING or not isinstance(a, Mapping) or not isinstance(b, Mapping):
        return ""
    return f"by another optimizer, {a['class']} and {b['class']}" if a.get("class") != b.get("class") else ""


def _with_equal_slots(
    alignment: Alignment, states: tuple[StateRecord, StateRecord], layout: Sequence[VariableRecord]
) -> set[int]:
    """Returns the weights with slots, where all of these are equal: they were made of the gradients."""
    equal: dict[int, bool] = {}
    for i, j in alignment.pairs:
        weight = layout[i].slot_of
        if weight is not None:
            one = at(states[0], i)
            equal[weight] = equal.get(weight, True) and one != MISSING and one == at(states[1], j)
    return {weight for weight, is_equal in equal.items() if is_equal}


def _is_held_otherwise(pairing: Pairing, position: int, alignment: Alignment, weight: VariableRecord) -> bool:
    """Whether a weight is under another constraint on each side: the optimizer applies it after the update."""
    partner = dict(alignment.layers).get(weight.layer) if weight.layer is not None else None
    if weight.layer is None or partner is None:
        return False
    a, b = pairing.trainings_at(position)
    one = pairing.run_a.models[a.model].layers[weight.layer].config
    other = pairing.run_b.models[b.model].layers[partner].config
    # The option is called as its weight begins: `recurrent_constraint` is that of `recurrent_kernel`.
    name = weight.path.rpartition("/")[2]
    return any(
        name.startswith(option.removesuffix(_CONSTRAINT)) and not same_value(value, other.get(option))
        for option, value in one.items()
        if option.endswith(_CONSTRAINT)
    )
