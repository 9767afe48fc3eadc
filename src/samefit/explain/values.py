"""What the detectors of values share: is a value fresh, where was it made, how is it put back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from samefit.explain.case import Case, Counterfactual, Side
from samefit.store.digest import state_digest
from samefit.store.records import TrainingRecord, VariableRecord
from samefit.types import Location

Pairs = list[tuple[int, int]]
"""Positions of variables that belong together: (in the baseline's layout, in the candidate's)."""


NEW_MODEL = "construct new layers (and a new model) for each training"
GO_ON = "go on with the same model, or save it whole and load it:  model.save('at.keras')"
"""What to do on the side of the candidate where one side trains a model on, and the other makes one anew."""


def is_zero(side: Side, position: int) -> bool:
    """Whether a variable is zero before the diverging step."""
    variable = side.layout[position]
    return side.digest_before(position) == state_digest(np.zeros(variable.shape, dtype=_dtype(variable)))


def _dtype(variable: VariableRecord) -> str:
    return variable.dtype if variable.dtype != "bfloat16" else "float32"


def layer_location(side: Side, position: int) -> Location | None:
    """Returns the line that constructed the layer of a variable."""
    layer, origin = side.layer_of(side.layout[position]), side.layout[position].origin
    return layer.location if layer is not None else origin.location if origin is not None else None


def is_first_value(side: Side, position: int) -> bool:
    """Whether a variable has the value that its initialiser gave it."""
    origin = side.layout[position].origin
    return origin is not None and origin.digest is not None and origin.digest == side.digest_before(position)


def taken_from_baseline(case: Case, pairs: Pairs, text: str, *, stage_only: bool = False) -> tuple[Counterfactual, ...]:
    """Returns the re-run with the baseline's values before the diverging step.

    Where a side is in the middle of a training there, its run does not hold them: they are kept in a re-run. In the
    middle of one of the candidate's trainings they cannot be put in: then the baseline gets the candidate's.
    """
    found = _put_in(case.a, case.b, pairs)
    if found is not None:
        return (Counterfactual(text, (found[0],), keep=found[1], stage_only=stage_only),)
    found = _put_in(case.b, case.a, [(j, i) for i, j in pairs])
    if found is None:
        return ()
    text = "what the candidate holds before this step put into the baseline"
    return (Counterfactual(text, (found[0],), keep=found[1], stage_only=stage_only, of_baseline=True),)


def _put_in(source: Side, target: Side, pairs: Pairs) -> tuple[Mapping[str, Any], int | None] | None:
    """Returns the transplant of values before the diverging step, and the step after which they must be kept.

    Args:
        source: Whose they are.
        target: Who gets them; None is returned where it is in the middle of a training.
        pairs: Positions of (the source's variable, the target's).
    """
    before, kept = _values_before(source)
    begin = target.run.begin_state(target.training.number)
    if before is None or begin is None or begin.step != target.step.index:
        return None
    plan = {
        "do": "weights",
        "training": target.training.number,
        "from": str(source.run.path) if kept is None else "",
        "arrays": before,
        "pairs": {target.layout[j].path: source.layout[i].path for i, j in pairs},
    }
    return plan, kept


def _values_before(side: Side) -> tuple[str | None, int | None]:
    """Returns the name of the arrays with the values before the step, and the step after which they must be kept."""
    begin = side.run.begin_state(side.training.number)
    if begin is not None and begin.step == side.step.index:
        name = f"initial-{side.training.number}"
        return (None if side.run.arrays(name) is None else name), None
    index = side.step.index - 1
    return f"state-{index}", index


def exchanged(case: Case, pairs: Pairs) -> dict[int, int] | None:
    """Returns {position: position that holds what belongs there} if both sides hold the same values in other places.

    Both positions are the candidate's. None if the values are not the same.
    """
    ours = [case.a.digest_before(i) for i, _ in pairs]
    theirs = [case.b.digest_before(j) for _, j in pairs]
    if len(pairs) < 2 or None in ours or Counter(ours) != Counter(theirs):
        return None
    holders: dict[bytes | None, list[int]] = {}
    for (_, j), value in zip(pairs, theirs, strict=True):
        holders.setdefault(value, []).append(j)
    return {j: holders[value].pop(0) for (_, j), value in zip(pairs, ours, strict=True)}


def ended_with(side: Side, positions: list[int]) -> TrainingRecord | None:
    """Returns the latest training that ended with the values that these variables have now."""
    earlier = [t for t in side.run.trainings if t.number < side.training.number]
    # A bias that is zero before each training was not carried over.
    if not positions or any(is_first_value(side, position) for position in positions):
        return None
    for training in reversed(earlier):
        steps = side.run.step_indices([training.number])
        # A callback may have put other weights back at the end: either may be what is carried over.
        states = [side.run.state_after(steps[-1]), side.run.end_state(training.number)] if steps else []
        ends = {s.digests[k : k + 16] for s in states if s is not None for k in range(0, len(s.digests), 16)}
        if ends and all(side.digest_before(position) in ends for position in positions):
            return training
    return None
