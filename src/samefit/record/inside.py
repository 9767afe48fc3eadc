"""Looking inside a step: the step is run a second time, from the state before it, with every layer watched.

It may also be run from a state that another run had before it, and with the gradients that another run had in it: what
two sides compute from equal state can be compared at any step, however far they are apart by then.

Whatever the second run moves is put back: variables and generators. Adding outputs to the step that trains would change
its bits, so that one is left alone; whether the second run came to the same bits is found by comparing the two.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from samefit.backends.base import Array, Backend, Tap
from samefit.patches.inside import tensor_of, watch_step
from samefit.patches.layers import mask_of
from samefit.patches.patching import Patches
from samefit.pin.isolation import Generators
from samefit.record.beginning import Beginning, arrays_of, batch_in, with_arrays
from samefit.record.training import Training
from samefit.store.digest import state_digest
from samefit.store.inside import InsideCall, InsideStep, Look
from samefit.store.writer import RunWriter
from samefit.types import Role

_FAILED = re.compile(r"\w+(Error|Exception): ")

_ROOM = 1 << 30
"""Bytes of outputs that are kept of one step; of what comes later there are digests only."""


@dataclass
class Moment:
    """What is before a step that is to be looked at.

    Attributes:
        index: `StepRecord.index`.
        state: A copy of JAX's state, or None.
        values: {id of a variable: a copy of its value}; of those that have one before the step.
        generators: Where the generators of the process stand.
    """

    index: int
    state: Any
    values: dict[int, Array]
    generators: Any


class InsideRecorder:
    """Writes what happens inside of the steps that are asked for.

    Args:
        looks: What is asked for; several looks at one step are taken in their order.
        writer: Where it goes.
        backend: The adapter of Keras's backend.
    """

    def __init__(self, looks: Sequence[Look], writer: RunWriter, backend: Backend) -> None:
        self._looks = looks
        self._wanted = {look.step for look in looks}
        self._run = {look.step for look in looks if not look.batch_only}
        self._room = _ROOM
        self._writer = writer
        self._backend = backend

    def before(self, index: int, training: Training, state: Any) -> Moment | None:
        """Keeps what the step begins with; None if it is not one that is asked for."""
        if index not in self._wanted:
            return None
        if index not in self._run:
            return Moment(index, None, {}, None)
        generators = Generators(self._backend.name).mark()
        if state is not None:
            copied = tuple([self._backend.to_numpy(value).copy() for value in part] for part in state)
            return Moment(index, copied, {}, generators)
        return Moment(index, None, self._values(_variables(training)), generators)

    def after(
        self,
        moment: Moment,
        training: Training,
        batch: Any,
        layers: Sequence[Any],
        first_value: Callable[[Any], Array | None],
    ) -> None:
        """Runs the step again, writes what it shows, and puts everything back.

        Args:
            moment: What `before` kept.
            training: The training, after the step.
            batch: What the step was given, as `Backend.step_in_depth` takes it.
            layers: The model's layers, in the order in which they are recorded; None for one that is gone.
            first_value: Returns the value that a variable had before the step if it was made inside the step.
        """
        given = arrays_of(self._backend, batch)
        if moment.index not in self._run:
            self._keep(moment.index, given)
            return
        generators = Generators(self._backend.name)
        variables = _variables(training)
        after, here = self._values(variables), generators.mark()
        if moment.state is None:
            known = {id(v): _known(v, moment, first_value) for v in variables}
            moment = replace(moment, values={key: value for key, value in known.items() if value is not None})
        try:
            for look in self._looks:
                if look.step == moment.index:
                    generators.return_to(moment.generators)
                    self._look(look, moment, training, batch, layers, given)
        finally:
            if moment.state is None:
                self._write(training, after)
            generators.return_to(here)

    def _keep(self, index: int, given: Mapping[str, Array]) -> None:
        """Keeps the batch of a step, while there is room."""
        self._room -= sum(array.nbytes for array in given.values())
        if given and self._room >= 0:
            self._writer.inside(str(index), InsideStep(index, False), given)

    def _look(
        self,
        look: Look,
        moment: Moment,
        training: Training,
        batch: Any,
        layers: Sequence[Any],
        given: dict[str, Array],
    ) -> None:
        failed, before, found, eager = "", dict[str, Array](), dict[str, Array](), False
        eye = _Eye(training, layers)
        try:
            begin = Beginning(look, self._writer.path / "arrays")
            if missing := begin.missing(training.variable_records):
                raise LookupError(f"the state that was kept does not hold {missing}")
            eye.given = begin.gradients
            state = None
            if moment.state is None:
                paths = {id(v): r.path for v, r in zip(training.all_variables, training.variable_records, strict=True)}
                values = {k: begin.value(paths.get(k), v) for k, v in moment.values.items()}
                self._write(training, values)
                before = {paths[k]: value for k, value in values.items() if k in paths}
            else:
                state = tuple(
                    [begin.value(path, value) for path, value in zip(paths, part, strict=True)]
                    for paths, part in zip(_paths_of(training, moment.state), moment.state, strict=True)
                )
                before = self._read(training, state)
            if look.batch:
                batch = with_arrays(self._backend, batch, batch_in(self._writer.path / "arrays" / look.batch))
            step_in_depth = self._backend.step_in_depth
            eager, state = step_in_depth(training.trainer, state, batch, eye.watching, eager=look.eager)
            found = self._read(training, state)
        except Exception as error:  # the step trains all the same; that it could not be looked at is reported
            failed = _told(error)
        step = InsideStep(moment.index, eager, tuple(eye.calls), {p: state_digest(g) for p, g in eye.gradients.items()})
        if failed:
            step = InsideStep(moment.index, eager, failed=failed)
        seeds = {v.path for v in training.variable_records if v.role is Role.SEED}
        given = given | {f"before/{path}": value for path, value in before.items() if path not in seeds}
        arrays = eye.arrays | given | {f"gradient/{path}": value for path, value in eye.gradients.items()}
        self._writer.inside(look.written, step, arrays | {f"after/{path}": value for path, value in found.items()})

    def _values(self, variables: Sequence[Any]) -> dict[int, Array]:
        values = {id(v): self._backend.host_value(v) for v in variables}
        return {key: value.copy() for key, value in values.items() if value is not None}

    def _write(self, training: Training, values: Mapping[int, Array]) -> None:
        for variable in _variables(training):
            value = values.get(id(variable))
            if value is not None:
                self._backend.write(variable, value)

    def _read(self, training: Training, state: Any) -> dict[str, Array]:
        """Returns the variables, or what JAX's state holds of them, by their recorded paths."""
        if state is None:
            values = zip(training.variable_records, training.all_variables, strict=True)
            found = {record.path: self._backend.host_value(variable) for record, variable in values}
        else:
            parts = zip(_paths_of(training, state), state, strict=True)
            named = (pair for paths, part in parts for pair in zip(paths, part, strict=True))
            found = {path: self._backend.to_numpy(value) for path, value in named if path is not None}
        return {path: value.copy() for path, value in found.items() if value is not None}


def _told(error: Exception) -> str:
    """Returns one line: what failed first, where TensorFlow puts a traceback of its own into the message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    return next((line for line in lines if _FAILED.match(line)), f"{type(error).__name__}: {lines[0]}")


def _paths_of(training: Training, state: Any) -> list[list[str | None]]:
    """Returns the recorded paths of the parts of JAX's state: trained, other, the optimizer's, those of metrics."""
    paths: list[str | None] = [record.path for record in training.variable_records]
    trained, other, slots, metrics = (len(part) for part in state)
    return [
        paths[:trained],
        paths[trained : trained + other],
        paths[len(training.variables) :][:slots],
        [None] * metrics,
    ]


def _variables(training: Training) -> list[Any]:
    training.collect(training.trainer)
    return [*training.all_variables, *training.trainer.metrics_variables]


def _known(variable: Any, moment: Moment, first_value: Callable[[Any], Array | None]) -> Array | None:
    value = moment.values.get(id(variable))
    return first_value(variable) if value is None else value


@dataclass
class _Open:
    """A call that goes on, or has ended in the trace: what is known of it before its tensors have values."""

    number: int
    parent: int | None
    kind: str
    class_name: str
    name: str
    layer: int | None
    nth: int
    training: bool | None
    updates: int
    inputs: list[tuple[bytes, ...]] = field(default_factory=list)
    masks: list[tuple[bytes, ...]] = field(default_factory=list)
    turns: int = 0


class _Eye:
    """Implements `samefit.patches.inside.StepObserver` for one run of a step."""

    def __init__(self, training: Training, layers: Sequence[Any]) -> None:
        self.calls: list[InsideCall] = []
        self.gradients: dict[str, Array] = {}
        self.arrays: dict[str, Array] = {}
        self.given: Mapping[str, Array] = {}
        self._handed: set[str] = set()
        self._root = training.trainer
        self._layers = {id(layer): i for i, layer in enumerate(layers) if layer is not None}
        named = zip(training.all_variables, training.variable_records, strict=True)
        self._paths = {id(variable): record.path for variable, record in named}
        self._stack: list[_Open] = []
        self._modes: list[bool] = [True]
        self._counts: dict[int, int] = {}
        self._begun, self._updates = 0, 0
        self._size = 0
        self._tap: Tap | None = None

    def watching(self, tap: Tap) -> _Watching:
        """Returns a context manager within which the hooks are in place; tensors are handed to `tap`."""
        self._tap = tap
        return _Watching(self)

    def called(self, operation: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Any:
        if operation is self._root:
            return call()
        kind = "layer" if hasattr(operation, "_layers") else "op"
        explicit = kwargs.get("training")
        training = explicit if isinstance(explicit, bool) else self._modes[-1]
        # A layer that takes no `training` argument has no mode; Keras says so in a private attribute (3.12 to 3.15).
        mode = training if getattr(operation, "_call_has_training_arg", False) else None
        self._modes.append(training)
        try:
            return self._watched(kind, operation, [args, kwargs], mode, call)
        finally:
            self._modes.pop()

    def loss(self, given: Sequence[Any], call: Callable[[], Any]) -> Any:
        return self._watched("loss", self._root, given, None, call)

    def _watched(self, kind: str, what: Any, given: Any, training: bool | None, call: Callable[[], Any]) -> Any:
        leaves = _tensors(given)
        nth = self._counts[id(what)] = self._counts.get(id(what), 0) + 1
        entry = _Open(
            number=self._begun,
            parent=self._stack[-1].number if self._stack else None,
            kind=kind,
            class_name="" if kind == "loss" else type(what).__name__,
            name="loss" if kind == "loss" else str(getattr(what, "name", "")),
            layer=self._layers.get(id(what)),
            nth=nth,
            training=training,
            updates=self._updates,
        )
        self._begun += 1
        self._look(leaves, functools.partial(self._given, entry))
        self._stack.append(entry)
        try:
            output = call()
        finally:
            self._stack.pop()
        self._look(_tensors(output), functools.partial(self._gave, entry))
        return output

    def _look(self, tensors: Sequence[Any], receive: Callable[[list[Array], list[Array]], None]) -> None:
        assert self._tap is not None
        masks = [mask for mask in map(mask_of, tensors) if mask is not None]

        def arrived(arrays: list[Array]) -> None:
            receive(arrays[: len(tensors)], arrays[len(tensors) :])

        self._tap([*tensors, *masks], arrived)

    def _given(self, entry: _Open, arrays: list[Array], masks: list[Array]) -> None:
        entry.inputs.append(tuple(map(state_digest, arrays)))
        entry.masks.append(tuple(map(state_digest, masks)))

    def _gave(self, entry: _Open, arrays: list[Array], masks: list[Array]) -> None:
        ended = InsideCall(
            number=entry.number,
            turn=entry.turns,
            parent=entry.parent,
            kind=entry.kind,
            class_name=entry.class_name,
            name=entry.name,
            layer=entry.layer,
            nth=entry.nth,
            training=entry.training,
            inputs=entry.inputs.pop() if entry.inputs else (),
            masks=entry.masks.pop() if entry.masks else (),
            outputs=tuple(map(state_digest, arrays)),
            shapes=tuple(array.shape for array in arrays),
            masks_out=tuple(map(state_digest, masks)),
            updates=entry.updates,
        )
        entry.turns += 1
        self.calls.append(ended)
        for i, array in enumerate(arrays):
            self._size += array.nbytes
            if self._size <= _ROOM:
                self.arrays[ended.array(i)] = array

    def applying(self, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        assert self._tap is not None
        self._updates += 1
        handed = []
        for gradient, variable in zip(gradients, variables, strict=True):
            path = self._paths.get(id(variable))
            # The first optimizer is the user's; one that it applies in turn gets what was clipped or unscaled.
            if gradient is not None and path is not None:
                self._tap([gradient], functools.partial(self._gradient, path))
                # Of an embedding TensorFlow gives the rows that were used, each as often as it was: an optimizer may do
                # other things with rows than with their sum.
                in_rows = hasattr(gradient, "dense_shape")
                if path in self.given and path not in self._handed and not in_rows:
                    gradient = tensor_of(self.given[path], gradient)
                self._handed.add(path)
            handed.append(gradient)
        return handed

    def _gradient(self, path: str, arrays: list[Array]) -> None:
        self.gradients.setdefault(path, arrays[0])


class _Watching:
    """The hooks, in place while it is entered."""

    def __init__(self, eye: _Eye) -> None:
        self._eye = eye
        self._patches = Patches()

    def __enter__(self) -> None:
        watch_step(self._patches, self._eye)

    def __exit__(self, *exception: object) -> None:
        self._patches.undo()


def _tensors(value: Any) -> list[Any]:
    """Returns the tensors in nested containers, in order; what is only symbolic has no values."""
    if isinstance(value, Mapping):
        return [leaf for item in value.values() for leaf in _tensors(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _tensors(item)]
    is_tensor = hasattr(value, "shape") and hasattr(value, "dtype") and type(value).__name__ != "KerasTensor"
    return [value] if is_tensor else []
