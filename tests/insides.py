"""Hand-made views of a step from inside, beside hand-made runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from samefit.store.codec import to_json
from samefit.store.digest import state_digest
from samefit.store.inside import InsideCall, InsideStep
from samefit.store.reader import Run

Array = np.ndarray[Any, Any]
ONES = np.ones((2, 3), np.float32)


@dataclass(frozen=True)
class Seen:
    """A call as a test writes it: tensors by value; `inside`: the position of the call that it was made in."""

    class_name: str
    layer: int | None = None
    output: Array = field(default_factory=lambda: ONES)
    inputs: Sequence[Array] = (ONES,)
    masks: Sequence[Array] = ()
    masks_out: Sequence[Array] = ()
    kind: str = "layer"
    name: str = ""
    nth: int = 1
    training: bool | None = None
    inside: int | None = None
    updates: int = 0
    number: int | None = None
    turn: int = 0


LOSS = Seen("", kind="loss", name="loss", output=np.float32(0.5))


def look(
    run: Run,
    calls: Sequence[Seen],
    *,
    gradients: Mapping[str, Array] | None = None,
    after: Mapping[str, Array] | None = None,
    trained: Mapping[str, Array] | None = None,
    before: Mapping[str, Array] | None = None,
    step: int = 0,
    name: str = "",
    **changes: Any,
) -> Run:
    """Writes what a step of `run` looks like from inside, and returns the run.

    Args:
        run: A hand-made run.
        calls: The calls, in the order in which they ended.
        gradients: {path: gradient}.
        after: {path: value after the watched step}.
        trained: {path: value after the step that trained}.
        before: {path: value before the watched step}.
        step: Index of the step.
        name: Name of the look; the index by default.
        **changes: More of `InsideStep`.
    """
    arrays = {f"gradient/{path}": value for path, value in (gradients or {}).items()}
    arrays |= {f"before/{path}": value for path, value in (before or {}).items()}
    arrays |= {f"after/{path}": value for path, value in (after or {}).items()}
    records = []
    for place, seen in enumerate(calls):
        record = InsideCall(
            number=place if seen.number is None else seen.number,
            turn=seen.turn,
            parent=seen.inside,
            kind=seen.kind,
            class_name=seen.class_name,
            name=seen.name or seen.class_name.lower(),
            layer=seen.layer,
            nth=seen.nth,
            training=seen.training,
            inputs=tuple(map(state_digest, seen.inputs)),
            masks=tuple(map(state_digest, seen.masks)),
            outputs=(state_digest(np.asarray(seen.output)),),
            shapes=(np.shape(seen.output),),
            masks_out=tuple(map(state_digest, seen.masks_out)),
            updates=seen.updates,
        )
        records.append(record)
        arrays[record.array(0)] = np.asarray(seen.output)
    digests = {path: state_digest(value) for path, value in (gradients or {}).items()}
    view = replace(InsideStep(step, False, tuple(records), digests), **changes)
    (run.path / f"inside-{name or step}.json").write_text(to_json(view))
    save_file(arrays, run.path / "arrays" / f"inside-{name or step}.safetensors")
    if trained:
        save_file(dict(trained), run.path / "arrays" / f"state-{step}.safetensors")
    return run
