"""What a run holds, as frozen dataclasses: the contract between the recorder, the run directory and the offline half.

Everything here is plain data. Steps, trainings, epochs and models are counted the way that people count them where they
are shown, and from 0 where they index; each attribute says which.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from samefit.types import Build, Location, Role, WrittenMode


@dataclass(frozen=True)
class Origin:
    """Where the first value of a variable came from.

    Attributes:
        initializer: Class name of the initialiser, or "value" for a variable that was given an array.
        config: Configuration of the initialiser (`get_config()`), without its seed where the user gave none.
        initializer_id: Number of the initialiser object in this process; equal numbers mean one shared object.
        seed: The integer seed that the initialiser used, if it has one.
        seed_is_explicit: Whether the user wrote that seed; False if Keras drew it.
        seed_draw: Number of the `make_default_seed` call (0-based, within the side) that drew the seed, or None.
        seed_event: Id of the ledger event of that draw (inside of a pinned scope, of the seeding before it), or None.
        digest: Digest (16 bytes) of the first value, or None where it could not be read.
        event: Id of the last ledger event before the value was made: tells what had happened before.
        assigned: How the value was replaced later by the user ("set_weights", "load_weights", "adapt", "assign", …), or
            "call" if the layer itself moved it while it was called outside of any training; else None.
        assigned_location: Where that was.
        location: The user's line that constructed the layer (or the variable).
        number: Number of the variable among those with a random initialiser that the side made (0-based), or None.
    """

    initializer: str
    config: Mapping[str, Any] = field(default_factory=dict)
    initializer_id: int | None = None
    seed: int | None = None
    seed_is_explicit: bool = False
    seed_draw: int | None = None
    seed_event: int | None = None
    digest: bytes | None = None
    event: int = -1
    assigned: str | None = None
    assigned_location: Location | None = None
    location: Location | None = None
    number: int | None = None


@dataclass(frozen=True)
class VariableRecord:
    """One variable whose digest is recorded.

    Attributes:
        role: What it is for.
        path: Keras's path of the variable, such as "dense/kernel".
        shape: Its shape.
        dtype: Its dtype.
        layer: Index into `ModelRecord.layers` of the layer that owns it; None for optimizer variables and for weights
            that belong to no recorded layer.
        index_in_layer: Position among the layer's own variables, in the order in which the layer made them.
        slot: For optimizer variables: "iteration", "learning_rate", or the name of the slot ("momentum", …).
        slot_of: For slots: position (in the same layout) of the model variable that it belongs to.
        holder: Of an optimizer that the model holds itself, the attribute; "" of the one that it was compiled with.
        origin: Where its first value came from; None for optimizer variables.
    """

    role: Role
    path: str
    shape: tuple[int, ...]
    dtype: str
    layer: int | None = None
    index_in_layer: int | None = None
    slot: str | None = None
    slot_of: int | None = None
    holder: str = ""
    origin: Origin | None = None


@dataclass(frozen=True)
class LayerRecord:
    """One layer of a model, at its first place in the order of execution.

    Attributes:
        class_name: Name of its class.
        name: Its Keras name (often an auto-name such as "dense_3"; never used to align).
        config: `get_config()` without "name"; holds {"error": "..."} where the layer has no usable configuration.
        construction: How many layers of this class the side had constructed before (0-based).
        calls: How many times it was called in the first forward pass; 0 if it was never seen to run.
        is_leaf: Whether it contains no other layers.
        trainable: Its `trainable` attribute when the first training of the model began (see `TrainingRecord.frozen`).
        dtype_policy: Name of its dtype policy.
        seed_draw: Number of the `make_default_seed` call (0-based, within the side) that seeded its generator, or None.
        seed_event: Id of the ledger event of that draw (inside of a pinned scope, of the seeding before it), or None.
        seed_value: The seed of its generator, or None if it has none.
        location: The user's line that constructed it.
        attributes: Of a class of the user's own: its plain attributes that are no options, and
            {"code of METHOD": {"code": digest, "name": {"file", "line", "source"}}}.
    """

    class_name: str
    name: str
    config: Mapping[str, Any]
    construction: int = 0
    calls: int = 1
    is_leaf: bool = True
    trainable: bool = True
    dtype_policy: str = "float32"
    seed_draw: int | None = None
    seed_event: int | None = None
    seed_value: int | None = None
    location: Location | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CallRecord:
    """One call of a leaf layer or of a Keras operation in the first forward pass of the first step.

    Attributes:
        kind: "layer" or "op".
        class_name: Class of the layer or the operation ("Multiply").
        layer: Index into `ModelRecord.layers`; None for an operation.
        output_shapes: Shapes of the outputs, batch axis included (None where unknown).
        training: The `training` argument as the layer's `call` got it, or None.
        mask_in: Whether a mask came with any input (or by argument).
        mask_out: Whether the output carries a mask.
        location: The user's line that constructed the layer or the operation.
        options: Of an operation: its plain attributes, and "argument N" for a plain value that it is called with.
        construction: How many operations of this class the side had constructed before (0-based).
        written: The literal `training` of the user's line that calls the layer, or None.
    """

    kind: str
    class_name: str
    layer: int | None
    output_shapes: tuple[tuple[int | None, ...], ...] = ()
    training: bool | None = None
    mask_in: bool = False
    mask_out: bool = False
    location: Location | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    construction: int = 0
    written: WrittenMode | None = None


@dataclass(frozen=True)
class WireRecord:
    """One call in the graph of a Functional or Sequential model.

    Attributes:
        class_name: Name of the class of the layer or operation.
        layer: Index into `ModelRecord.layers`, or None for an operation.
        sources: Where its inputs come from, in order: numbers of calls, or -1, -2, … for the model's first, second, …
            input.
    """

    class_name: str
    layer: int | None
    sources: tuple[int, ...]


@dataclass(frozen=True)
class WiringRecord:
    """The graph of a Functional or Sequential model.

    Attributes:
        calls: What each comes from before it itself; empty for a model that has no graph, or of which parts have none.
        failed: Why a graph that is there could not be read; "" if it was.
    """

    calls: tuple[WireRecord, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class ModelRecord:
    """One model that was trained.

    Attributes:
        id: Number of the model in the run (1-based, in the order in which they first trained).
        name: Its Keras name.
        class_name: Name of its class.
        build: How it was built.
        layers: Its layers, in order of execution (`calls` == 0 last), nested ones included, the model itself excluded.
        calls: The first forward pass, in order; empty where it was not seen.
        order: "execution" if `layers` follows a pass that was seen, else "structure" (Keras's own listing).
        location: The user's line that constructed it.
        attributes: As for `LayerRecord`, of the model itself.
        wiring: Its graph, where it has one.
    """

    id: int
    name: str
    class_name: str
    build: Build
    layers: tuple[LayerRecord, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    order: str = "execution"
    location: Location | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    wiring: WiringRecord = WiringRecord()


@dataclass(frozen=True)
class TrainingRecord:
    """One training: a `fit`, or the `train_on_batch` calls of one model.

    Attributes:
        number: 1-based, as in `RUN#2`.
        side: Side of a same-process check ("a", "b"), or "" for a plain run.
        model: `ModelRecord.id`.
        kind: "fit", "train_on_batch" or "custom" (recorded by hand).
        options: The arguments of `fit` that shape the training: {"batch_size", "epochs", "shuffle", …}; data arguments
            stand as {"type", "shape", "dtype", "digest", "rows"} (digest and rows as hexadecimal, None if not arrays).
        compiled: {"optimizer": {"class", "config"}, "loss": …, "metrics": […], "jit_compile", "run_eagerly", …}.
        begin_event: Id of the ledger event that marks its begin.
        status: "complete", "failed", "stopped" (samefit stopped it), or "running" (killed, or still going).
        location: The user's line that called `fit` (or the first `train_on_batch`).
        metrics: The last logs of the training, by name (validation included).
        frozen: Indices into `ModelRecord.layers` of the layers that were not trainable when the training began.
        history: What `fit` returned as its history, epoch by epoch, by name; where it holds numbers alone.
    """

    number: int
    side: str
    model: int
    kind: str
    options: Mapping[str, Any]
    compiled: Mapping[str, Any]
    begin_event: int
    status: str
    location: Location | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    frozen: tuple[int, ...] = ()
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class StepRecord:
    """One training step, as it crossed the step boundary.

    Attributes:
        index: 0-based position in the run, over all trainings.
        training: `TrainingRecord.number`.
        epoch: 0-based, as Keras counts.
        step: 0-based within the epoch.
        batch: Digest (16 bytes) of inputs, targets and sample weights, or None where the batch could not be seen
            or was not read (`samefit.store.cadence.num_passed_over`).
        rows: 8 bytes that depend on the samples but not on their order (sum of row hashes), or None.
        num_rows: Number of samples.
        indices: Digest (16 bytes) of the sample indices where they are known, else None.
        logs: What the step returned, by name, as float64 (Keras: running means over the epoch).
        generators: {generator: digest} of the process's generators just before the step; only those that are present.
        generators_after: The same just after the step.
        chain: 16 bytes over this step and all before it in the training.
        head: Digest (16 bytes) of the batch without the weights of its samples, where it has some.
    """

    index: int
    training: int
    epoch: int
    step: int
    batch: bytes | None
    rows: bytes | None
    num_rows: int | None
    logs: Mapping[str, float]
    generators: Mapping[str, bytes] = field(default_factory=dict)
    generators_after: Mapping[str, bytes] = field(default_factory=dict)
    indices: bytes | None = None
    chain: bytes = b""
    head: bytes | None = None

    @property
    def is_passed_over(self) -> bool:
        """Whether nothing was read of it, but for the loss of the last step of an epoch."""
        return self.batch is None and not self.generators and not self.generators_after


@dataclass(frozen=True)
class PassedOver:
    """Steps in a row, of one epoch, of which nothing was read (`samefit.store.cadence.num_passed_over`).

    Attributes:
        index: `StepRecord.index` of the first.
        number: How many they are.
        training: `StepRecord.training` of all.
        epoch: `StepRecord.epoch` of all.
        step: `StepRecord.step` of the first.
        chain: `StepRecord.chain` of the step before them.
    """

    index: int
    number: int
    training: int
    epoch: int
    step: int
    chain: bytes = b""

    @property
    def indices(self) -> range:
        """The indices of the steps."""
        return range(self.index, self.index + self.number)

    def at(self, index: int) -> StepRecord:
        """Returns the step of index `index`."""
        in_epoch = self.step + index - self.index
        return StepRecord(index, self.training, self.epoch, in_epoch, None, None, None, {}, chain=self.chain)


@dataclass(frozen=True)
class StateRecord:
    """Digests of all variables at one moment.

    Attributes:
        step: `StepRecord.index` before ("begin") or after ("after", "end", "final") which the state was read.
        training: `TrainingRecord.number`.
        moment: "begin" (before the training's first step, or before that of an epoch if callbacks have changed
            something since the step before), "after" (after a step) or "end" (when the training ended:
            after its last step, and what callbacks did at the end of its last epoch) or "final" (when its `fit`
            returned: after what was done to the weights when it ended).
        layout: Number of the layout: `Run.layouts[layout]` is a tuple of `VariableRecord`.
        digests: 16 bytes a variable, concatenated, in the order of the layout; 16 zero bytes where unreadable.
    """

    step: int
    training: int
    moment: str
    layout: int
    digests: bytes


@dataclass(frozen=True)
class Event:
    """One entry of the ledger of draws, in the order in which things happened.

    Attributes:
        id: 0-based.
        kind: "seed", "draw", "entropy", "create", "state", "side", "training", "epoch", "end", "evaluate", "predict",
            "assign", "global", "note", "load" (of weights, into the model called `component`; `value`: how many
            variables got a value), "adapt" (of a preprocessing layer; `value`: a digest of what it has learned),
            "rate" (`value`: the learning rate in the state at the step of index `index`, where it is not that of the
            state before).
        generator: One of `samefit.types.GENERATORS`, or "os", "default_rng", or "".
        function: What was called, such as "numpy.random.permutation"; of a training that a callback has begun, that
            callback, such as "Probe.on_epoch_end".
        index: Draws that the generator had served since it was last seeded (or since the start), before this one.
        count: How many equal draws in a row this entry stands for.
        value: The seed of a "seed" event, the value of an integer draw where that is small, or other detail.
        component: The part of Keras that acted, in words a user has, such as "shuffle of fit #1", "seed of Dropout",
            or, of a training, "callback of fit #1"; "" for the user's own code.
        keras: The nearest Keras function, such as "ArrayDataAdapter._get_iterator", or "". Of entropy, the function of
            NumPy that takes it, where the user's line calls it by another name.
        location: The user's line.
        training: `TrainingRecord.number` within which it happened, or None.
        side: The side within which it happened.
        seeded: Id of the "seed" event that the generator's state goes back to, or None if it was never seeded.
        state: Digest (16 bytes) of the generator's state before the (first of the) draws, or None.
        draw: Number of this generator's first draw within the side (0-based).
    """

    id: int
    kind: str
    generator: str = ""
    function: str = ""
    index: int = 0
    count: int = 1
    value: Any = None
    component: str = ""
    keras: str = ""
    location: Location | None = None
    training: int | None = None
    side: str = ""
    seeded: int | None = None
    state: bytes | None = None
    draw: int = 0


@dataclass(frozen=True)
class Warning:
    """Something that the recorder could not do."""

    slug: str
    message: str


def generator_digest(state: bytes) -> bytes:
    """Returns the 16 bytes by which the state of a generator is recorded."""
    return hashlib.blake2b(state, digest_size=16).digest()
