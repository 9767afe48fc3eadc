"""When, and by how much, loss, updates, weights and metrics began to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from samefit.comparison.result import Difference
from samefit.comparison.steps import Pairing, differing, same_float
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Role


def all_differences(
    pairing: Pairing, trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]
) -> Mapping[str, Difference]:
    """Returns the four quantities of the report."""
    if not len(pairing):
        return {}
    return {
        "loss": _loss(pairing),
        "updates": _updates(pairing),
        "weights": _weights(pairing),
        "metrics": _metrics(trainings_a, trainings_b),
    }


def _loss(pairing: Pairing) -> Difference:
    pairs = [
        (k, a.logs["loss"], b.logs["loss"])
        for k, (a, b) in enumerate(zip(pairing.steps_a, pairing.steps_b, strict=False))
        if "loss" in a.logs and "loss" in b.logs
    ]
    if not pairs:
        return Difference(None)
    first = next((k + 1 for k, one, other in pairs if not same_float(one, other)), None)
    gaps = [abs(one - other) for _, one, other in pairs]
    scales = [max(abs(one), abs(other)) for _, one, other in pairs]
    relative = [gap / scale for gap, scale in zip(gaps, scales, strict=True) if scale > 0]
    return Difference(
        first, max(gaps), max(relative, default=0.0), (pairs[-1][1], pairs[-1][2]), len(pairs)
    )


def _updates(pairing: Pairing) -> Difference:
    """Counts steps in which a weight that was equal before, or its change, is not the same after."""
    for position in range(len(pairing)):
        if _differs_after(pairing, position):
            return Difference(position + 1, steps=len(pairing))
    return Difference(None, steps=len(pairing))


def _differs_after(pairing: Pairing, position: int) -> bool:
    first, second = pairing.states_after(position)
    if first is None or second is None:
        return False
    alignment = pairing.align(position, first, second)
    layout = pairing.run_a.layouts[first.layout]
    return any(layout[i].role is Role.TRAINABLE for i, _ in differing(alignment, first, second))


def _weights(pairing: Pairing) -> Difference:
    begin_a, begin_b = pairing.states_before(0)
    first: int | None = None
    if begin_a is not None and begin_b is not None:
        alignment = pairing.align(0, begin_a, begin_b)
        layout = pairing.run_a.layouts[begin_a.layout]
        roles = {layout[i].role for i, _ in differing(alignment, begin_a, begin_b)}
        first = 0 if roles & {Role.TRAINABLE, Role.NON_TRAINABLE} else None
    if first is None:
        first = next((k + 1 for k in range(len(pairing)) if _differs_after(pairing, k)), None)
    gap, relative = _final_gap(pairing)
    return Difference(first, gap, relative, steps=len(pairing))


def _final_gap(pairing: Pairing) -> tuple[float | None, float | None]:
    last = len(pairing) - 1
    step_a, step_b = pairing.steps_a[-1], pairing.steps_b[-1]
    arrays = [_final(run, step.training) for run, step in ((pairing.run_a, step_a), (pairing.run_b, step_b))]
    if arrays[0] is None or arrays[1] is None or len(pairing.steps_a) != len(pairing.steps_b):
        return None, None
    layout_a, layout_b = pairing.layouts_at(last)
    gaps, relative = [0.0], [0.0]
    for i, j in pairing.weights(pairing.alignment_at(last), layout_a):
        one, other = arrays[0].get(layout_a[i].path), arrays[1].get(layout_b[j].path)
        if one is None or other is None or one.shape != other.shape or not one.size:
            continue
        wide, narrow = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
        gap = float(np.max(np.abs(wide - narrow)))
        scale = float(np.max(np.abs(wide)))
        gaps.append(gap)
        relative.append(gap / scale if scale else 0.0)
    return max(gaps), max(relative)


def _final(run: Run, training: int) -> Mapping[str, np.ndarray] | None:  # type: ignore[type-arg]
    return run.arrays(f"final-{training}")


def _metrics(trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]) -> Difference:
    if not trainings_a or not trainings_b:
        return Difference(None)
    a, b = trainings_a[-1].metrics, trainings_b[-1].metrics
    common = {name: (a[name], b[name]) for name in a if name in b}
    gaps = [abs(one - other) for one, other in common.values()]
    return Difference(None, max(gaps, default=None), metrics=common)
