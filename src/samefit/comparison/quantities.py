"""When, and by how much, loss, updates, weights and metrics began to differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from samefit.comparison.pairing import Pairing, differing, same_float
from samefit.comparison.result import Difference
from samefit.store.digest import Array
from samefit.store.records import TrainingRecord, VariableRecord
from samefit.types import Role

_WEIGHTS = (Role.TRAINABLE, Role.NON_TRAINABLE)


def all_differences(
    pairing: Pairing, trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]
) -> Mapping[str, Difference]:
    """Returns the four quantities of the report."""
    if not len(pairing):
        return {}
    updates = _updates(pairing)
    return {
        "loss": _loss(pairing),
        "updates": updates,
        "weights": _weights(pairing, updates.first_step),
        "metrics": _metrics(pairing, trainings_a, trainings_b),
    }


def gap(one: float, other: float) -> float:
    """Returns |one - other|; 0 for two that are the same (NaN and infinities, too), infinite if only one is finite."""
    if one == other or (one != one and other != other):
        return 0.0
    difference = abs(one - other)
    return math.inf if math.isnan(difference) else difference


def largest_loss_gap(pairing: Pairing, steps: int) -> float | None:
    """Returns the largest absolute gap of the loss within the first `steps` steps; None where no loss is known."""
    gaps = [gap(one, other) for position, one, other in losses(pairing) if position < steps]
    return max(gaps, default=None)


def _loss(pairing: Pairing) -> Difference:
    first: int | None = None
    final: tuple[float, float] | None = None
    # Where the chains are equal, so are the losses: of those steps only the last is read.
    begin = max(0, pairing.proven - 1)
    steps, largest, relative = pairing.num_losses(begin), 0.0, 0.0
    for position, one, other in losses(pairing, begin):
        steps += 1
        final = (one, other)
        if first is None and not same_float(one, other):
            first = position + 1
        distance, scale = gap(one, other), max(abs(one), abs(other))
        largest = max(largest, distance)
        if distance:
            relative = max(relative, distance / scale if math.isfinite(scale) and scale else math.inf)
    return Difference(first, largest, relative, final, steps) if steps else Difference(None)


def losses(pairing: Pairing, begin: int = 0) -> Iterator[tuple[int, float, float]]:
    """Yields (position, the baseline's loss, the candidate's) from `begin` on, where both are means of the same."""
    for position, one, other in pairing.texts(begin):
        if pairing.logs_other_means(position, one[3], other[3]):
            continue
        a = json.loads(one[1])
        b = a if one[1] == other[1] else json.loads(other[1])
        if "loss" in a and "loss" in b:
            yield position, a["loss"], b["loss"]


def _updates(pairing: Pairing) -> Difference:
    """Finds the first step after which a trainable weight is not the same."""
    for position in range(pairing.proven, len(pairing)):
        if Role.TRAINABLE in _roles_after(pairing, position):
            return Difference(position + 1, steps=len(pairing))
    return Difference(None, steps=len(pairing))


def _roles_after(pairing: Pairing, position: int) -> set[Role]:
    """Returns the roles of the variables that differ after a pair of steps."""
    if not pairing.has_states_after(position):
        return set()
    first, second = pairing.states_after(position)
    if first is None or second is None:
        return set()
    layout = pairing.run_a.layouts[first.layout]
    return {layout[i].role for i, _ in differing(pairing.align(position, first, second), first, second)}


def _weights(pairing: Pairing, first_update: int | None) -> Difference:
    first = 0 if _start_differs(pairing) else None
    if first is None:
        # No trainable weight differs before `first_update`: up to there it can only be the other state.
        end = len(pairing) if first_update is None else first_update - 1
        state = (p + 1 for p in range(pairing.proven, end) if _roles_after(pairing, p) & set(_WEIGHTS))
        first = next(state, first_update)
    gaps = [_array_gap(pairing, "initial"), _array_gap(pairing, "final")]
    if first and gaps[1] is None:
        # They begin alike: without the values at the end nothing is known of how far they part.
        gaps = []
    known = [found for found in gaps if found is not None]
    largest = max((found[0] for found in known), default=None)
    relative = max((found[1] for found in known), default=None)
    return Difference(first, largest, relative, steps=len(pairing))


def _start_differs(pairing: Pairing) -> bool:
    first, second = pairing.states_before(0)
    if first is None or second is None:
        return False
    layout = pairing.run_a.layouts[first.layout]
    pairs = differing(pairing.align(0, first, second), first, second)
    return any(layout[i].role in _WEIGHTS for i, _ in pairs)


def _array_gap(pairing: Pairing, moment: str) -> tuple[float, float] | None:
    """Returns the largest absolute and relative gap of the weights "initial"ly or "final"ly, where both are known."""
    if moment == "final" and len(pairing.steps_a) != len(pairing.steps_b):
        return None
    position = 0 if moment == "initial" else len(pairing) - 1
    numbers = (pairing.steps_a.training(position), pairing.steps_b.training(position))
    first, second = pairing.run_a.arrays(f"{moment}-{numbers[0]}"), pairing.run_b.arrays(f"{moment}-{numbers[1]}")
    if first is None or second is None:
        return None
    layout_a, layout_b = pairing.layouts_at(position)
    pairs = pairing.weights(pairing.alignment_at(position), layout_a)
    found = [_gap_of(first, layout_a[i], second, layout_b[j]) for i, j in pairs]
    known = [item for item in found if item is not None]
    return (max(k[0] for k in known), max(k[1] for k in known)) if known else None


def weight_gaps(pairing: Pairing, position: int) -> dict[str, float] | None:
    """Returns {path: largest relative gap} of the weights after a pair of steps; None where their values are not kept.

    The largest difference over the largest magnitude.
    """
    first = pairing.run_a.arrays(f"state-{pairing.steps_a.indices[position]}")
    second = pairing.run_b.arrays(f"state-{pairing.steps_b.indices[position]}")
    if first is None or second is None:
        return None
    layout_a, layout_b = pairing.layouts_at(position)
    pairs = pairing.weights(pairing.alignment_at(position), layout_a)
    gaps = {}
    for i, j in pairs:
        one, other = layout_a[i], layout_b[j]
        found, back = _gap_of(first, one, second, other), _gap_of(second, other, first, one)
        if found is not None and back is not None:
            # Where the baseline's are all zero it is the candidate's magnitude.
            gaps[one.path] = found[1] if math.isfinite(found[1]) else back[1]
    return gaps


def _gap_of(
    first: Mapping[str, Array], a: VariableRecord, second: Mapping[str, Array], b: VariableRecord
) -> tuple[float, float] | None:
    one, other = first.get(a.path), second.get(b.path)
    if one is None or other is None or one.shape != other.shape:
        return None
    if not one.size:
        return 0.0, 0.0
    # Of a scalar (the count of a Normalization) NumPy would make a number, which cannot be assigned to.
    wide, narrow = (np.atleast_1d(np.asarray(array, dtype=np.float64)) for array in (one, other))
    with np.errstate(invalid="ignore", over="ignore"):
        distances = np.abs(wide - narrow)
    distances[(wide == narrow) | (np.isnan(wide) & np.isnan(narrow))] = 0.0
    largest = float(np.max(np.nan_to_num(distances, nan=np.inf, posinf=np.inf)))
    scale = float(np.max(np.abs(wide), where=np.isfinite(wide), initial=0.0))
    return largest, (largest / scale if scale else math.inf) if largest else 0.0


def _metrics(
    pairing: Pairing, trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]
) -> Difference:
    first = None
    for position, one, other in pairing.texts(max(0, pairing.clean - 1)):
        if one[1] == other[1]:
            continue
        a, b = json.loads(one[1]), json.loads(other[1])
        if any(name != "loss" and name in b and not same_float(a[name], b[name]) for name in a):
            first = position + 1
            break
    if any(not trainings or trainings[-1].status != "complete" for trainings in (trainings_a, trainings_b)):
        # The last logs of a training that was ended early are of another step than the other side's.
        return Difference(first)
    final_a, final_b = trainings_a[-1].metrics, trainings_b[-1].metrics
    common = {name: (final_a[name], final_b[name]) for name in final_a if name in final_b}
    largest = max((gap(one, other) for one, other in common.values()), default=None)
    return Difference(first, largest, metrics=common)
