"""One training step from inside: what every layer was given and gave out, and the gradient of every weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class InsideCall:
    """One call of a layer or of a Keras operation, or the loss, in the order in which they ended.

    Attributes:
        number: Number of the call in the order in which calls began (0-based); calls in a compiled loop share it.
        turn: How often this call had run before in the step: its turn in a compiled loop (0-based).
        parent: Number of the call that it was made in, or None.
        kind: "layer", "op" or "loss".
        class_name: Class of the layer or the operation.
        name: Its Keras name.
        layer: Index into `ModelRecord.layers`; None for what is no layer of the model.
        nth: Which call of this object it is, counted from 1.
        training: The `training` argument as the layer's `call` got it, or None.
        inputs: Digests (16 bytes each) of the tensors that were handed to it.
        masks: Digests of the masks that came with them.
        outputs: Digests of the tensors that it gave out.
        shapes: Shapes of these.
        masks_out: Digests of the masks of these.
        updates: How often an optimizer had updated weights in this step before the call began.
    """

    number: int
    turn: int
    parent: int | None
    kind: str
    class_name: str
    name: str
    layer: int | None
    nth: int
    training: bool | None
    inputs: tuple[bytes, ...]
    masks: tuple[bytes, ...]
    outputs: tuple[bytes, ...]
    shapes: tuple[tuple[int, ...], ...]
    masks_out: tuple[bytes, ...]
    updates: int = 0

    def array(self, output: int) -> str:
        """Returns the name of an output's array in the file of the step."""
        return f"call/{self.number}/{self.turn}/{output}"


@dataclass(frozen=True)
class InsideStep:
    """One step from inside; its arrays stand in `arrays/inside-<name>.safetensors` (its index, or the name of a look).

    Arrays are named "call/<number>/<turn>/<output>" (as far as there was room), "gradient/<path>" (what the optimizer
    was handed for a weight), "before/<path>" and "after/<path>" (every variable before and after the step as it was run
    to be looked at; those before without seeds) and "batch/<position>" (what the step was given).

    Attributes:
        step: `StepRecord.index`.
        eager: Whether it ran eagerly to be looked at, although the step that trained is compiled.
        calls: What was called, in the order in which it ended.
        gradients: {path of the weight: digest of its gradient}.
        failed: Why the step could not be looked at, or "".
    """

    step: int
    eager: bool
    calls: tuple[InsideCall, ...] = ()
    gradients: Mapping[str, bytes] = field(default_factory=dict)
    failed: str = ""


@dataclass(frozen=True)
class Look:
    """One run of a step that is looked at.

    Attributes:
        step: `StepRecord.index`.
        name: Name of what is written: `inside-<name>`; the index of the step by default.
        state: File of the look whose variables its own begin with; "" for those that there are. Files may be named from
            the directory of this run's arrays on.
        gradients: File of the look whose gradients the optimizer is handed; "" for its own.
        pairs: {own path of a variable: its path in these files}; empty if they are the same.
        perturb: Whether it begins one unit in the last place off.
        eager: Whether it runs operation by operation also where the training's step is compiled.
        batch: File of the look whose batch the step is given; "" for its own.
        batch_only: Whether nothing is run: what the step was given is kept, and that is all.
    """

    step: int
    name: str = ""
    state: str = ""
    gradients: str = ""
    pairs: Mapping[str, str] = field(default_factory=dict)
    perturb: bool = False
    eager: bool = False
    batch: str = ""
    batch_only: bool = False

    @property
    def written(self) -> str:
        """The name of what is written."""
        return self.name or str(self.step)
