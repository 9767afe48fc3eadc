"""The recorder: turns what the hooks show into the records of a run."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from samefit.backends.base import Array, Backend
from samefit.record import models
from samefit.record.attribution import caller
from samefit.record.ledger import Ledger
from samefit.record.provenance import Provenance
from samefit.record.stop import StopRecordedRun
from samefit.store.digest import chain, digest_many, rows_sum, state_digest
from samefit.store.records import ModelRecord, StateRecord, StepRecord, TrainingRecord, VariableRecord
from samefit.store.writer import RunWriter
from samefit.transplant.plan import Transplants
from samefit.types import Role

_MISSING = bytes(16)
_T = TypeVar("_T")


@dataclass
class _Training:
    """A training that runs now."""

    record: TrainingRecord
    trainer: Any
    variables: list[Any] = field(default_factory=list)
    optimizer_variables: list[Any] = field(default_factory=list)
    layout: int = -1
    variable_records: tuple[VariableRecord, ...] = ()
    epoch: int = 0
    step_in_epoch: int = 0
    steps: int = 0
    chain: bytes = b""
    stepped_since_batch_end: int = 0
    batches_unseen: bool = False
    on_batch: tuple[Any, ...] | None = None


class Recorder:
    """Implements `samefit.patches.trainer.TrainingObserver` for one process.

    No failure of the recorder reaches the user's training: the first one becomes a warning in the run, recording stops,
    and the run is marked incomplete.

    Args:
        writer: Where records go.
        ledger: The ledger of draws of this process.
        backend: The adapter of Keras's backend.
        provenance: Knows where layers and variables came from.
        transplants: What this run takes from another one.
        stop_file: If this file appears, the run ends at the next step boundary.
        snapshots: Indices of steps whose state is kept as arrays, before and after.
        keep_data: Whether the arrays handed to `fit` are kept.
    """

    def __init__(
        self,
        writer: RunWriter,
        ledger: Ledger,
        backend: Backend,
        provenance: Provenance,
        transplants: Transplants,
        *,
        stop_file: str | None = None,
        snapshots: Sequence[int] = (),
        keep_data: bool = False,
    ) -> None:
        self.writer = writer
        self.ledger = ledger
        self.provenance = provenance
        self.broken = False
        self.unseen_updates = 0
        self._backend = backend
        self._transplants = transplants
        self._stop_file = stop_file
        self._snapshots = set(snapshots)
        self._keep_data = keep_data
        self._stack: list[_Training] = []
        self._trainings = 0
        self._steps = 0
        self._models: dict[int, tuple[Any, int, list[Any], ModelRecord]] = {}
        self._on_batch: dict[int, _Training] = {}
        self._queues: dict[int, tuple[Any, deque[tuple[list[tuple[str, Any]], int | None]]]] = {}

    # -- failures ---------------------------------------------------------------------------------------------------

    def guard(self, work: Callable[[], _T], otherwise: _T) -> _T:
        """Runs a piece of recording; its failure stops the recording, never the training."""
        if self.broken:
            return otherwise
        try:
            return work()
        except Exception as error:  # any failure of ours must leave the training alone; it is marked in the run
            self.fail(error)
            return otherwise

    def fail(self, error: BaseException) -> None:
        """Marks the run incomplete."""
        self.broken = True
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"samefit: recording stopped, the training goes on: {reason}\n")
        with contextlib.suppress(Exception):  # the writer may be what failed (a full disk)
            self.writer.warning("recording-failed", reason + "\n" + "".join(traceback.format_exception(error)[-3:]))
            self.writer.update_manifest({"recording_failed": reason})

    # -- trainings --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def training(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> Iterator[None]:
        training = self.guard(lambda: self._begin(trainer, kind, arguments), None)
        if training is None:
            yield
            return
        self._stack.append(training)
        status = "failed"
        try:
            with self.ledger.context(kind, training.record.number):
                yield
            status = "complete"
        finally:
            self._stack.pop()
            self.guard(functools.partial(self._end, training, status), None)

    def _begin(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> _Training:
        known = self._on_batch.get(id(trainer))
        on_batch = tuple(arguments.get(name) for name in ("x", "y", "sample_weight"))
        if kind == "train_on_batch" and known is not None:
            known.on_batch = on_batch
            return known
        self._on_batch.pop(id(trainer), None)
        self._trainings += 1
        number = self._trainings
        self._transplants.training(number, arguments)
        if self._keep_data:
            self._keep(number, arguments)
        options = models.describe_arguments(arguments, self._backend.to_numpy) if kind == "fit" else {}
        event = self.ledger.note("training", value=number, location=caller().location, training=number)
        self.ledger.keep_states(f"training:{number}")
        record = TrainingRecord(
            number=number, side=self.ledger.side, model=0, kind=kind, options=options,
            compiled=models.describe_compiled(trainer), begin_event=event.id, status="running",
            location=event.location,
        )
        training = _Training(record, trainer)
        if kind == "train_on_batch":
            training.on_batch = on_batch
            self._on_batch[id(trainer)] = training
        return training

    def _keep(self, number: int, arguments: Mapping[str, Any]) -> None:
        data = {n: arguments[n] for n in ("x", "y", "sample_weight") if models._is_array(arguments.get(n))}
        if data:
            self.writer.arrays(f"data-{number}", {n: self._backend.to_numpy(v) for n, v in data.items()})

    def _end(self, training: _Training, status: str) -> None:
        if training.layout < 0:
            return
        if training.record.kind == "fit" or status == "failed":
            self._finish(training, status)
        else:
            # The next `train_on_batch` of this model belongs to the same training.
            self.writer.training(replace(training.record, status="running"))

    def _finish(self, training: _Training, status: str) -> None:
        history = getattr(getattr(training.trainer, "history", None), "history", {}) or {}
        last = {name: float(values[-1]) for name, values in history.items() if values and _is_number(values[-1])}
        training.record = replace(training.record, status=status, metrics=last or training.record.metrics)
        self.writer.training(training.record)
        self._arrays(f"final-{training.record.number}", training, [self._host(v) for v in training.variables])
        self.writer.flush()

    def close(self, status: str) -> None:
        """Ends the trainings that are still open (those of `train_on_batch`)."""
        self.ledger.settle()
        for training in self._on_batch.values():
            if training.layout >= 0:
                self._finish(training, status)
        self._on_batch.clear()

    @contextlib.contextmanager
    def other(self, word: str, trainer: Any) -> Iterator[None]:
        name = {"evaluate": "evaluate", "predict": "predict"}.get(word, word)
        if not self.ledger.inside(name):
            self.guard(lambda: self.ledger.note(name, location=caller().location), None)
        with self.ledger.context(name, None):
            yield

    def compiling(self, trainer: Any, arguments: dict[str, Any]) -> None:
        self.guard(lambda: self._transplants.compiling(arguments), None)

    def epoch(self, epoch: int) -> None:
        self.guard(lambda: self._epoch(epoch), None)

    def _epoch(self, epoch: int) -> None:
        if not self._stack:
            return
        training = self._stack[-1]
        training.epoch, training.step_in_epoch = epoch, 0
        number = training.record.number
        self._transplants.epoch(number, epoch)
        if training.steps == 0:
            # On JAX the state is taken out of the variables at the first batch: later would be too late.
            self._transplants.first_step(number, functools.partial(self._by_path, training))
        self.ledger.note("epoch", value=epoch)
        self.ledger.keep_states(f"epoch:{number}:{epoch}")

    # -- batches ----------------------------------------------------------------------------------------------------

    def watched(self, dataset: Any) -> Any:
        if self.broken or not self._stack or self.ledger.inside("evaluate") or self.ledger.inside("predict"):
            return dataset
        queue: deque[tuple[list[tuple[str, Any]], int | None]] = deque()

        def observe(leaves: list[Array]) -> None:
            # Digests are made here: the arrays share the memory of the tensors that go to training.
            self.guard(lambda: queue.append(self._digest_batch([(f"batch/{i}", a) for i, a in enumerate(leaves)])), None)

        mapped = self.guard(lambda: self._backend.watch_batches(dataset, observe), dataset)
        self._queues = {id(mapped): (mapped, queue)} | dict(list(self._queues.items())[:7])
        return mapped

    def seen_batches(self, iterator: Any) -> Any:
        if hasattr(iterator, "gi_frame"):
            return iterator
        known = self._queues.get(id(self._backend.batch_source(iterator)))
        return known[1] if known else None

    def _digest_batch(self, leaves: Sequence[tuple[str, Any]]) -> Any:
        arrays = [(path, None if leaf is None else self._backend.to_numpy(leaf)) for path, leaf in leaves]
        present = [array for _, array in arrays if array is not None]
        # JAX demotes int64 to int32 on its way in: the same values must have the same digest on every backend.
        wide = [(path, a.astype("int64") if a is not None and a.dtype == "int32" else a) for path, a in arrays]
        plain = [(f"batch/{i}", a) for i, (_, a) in enumerate(wide)]
        lengths = {len(a) for a in present if a.ndim}
        rows = None
        if len(lengths) == 1 and all(a.ndim for a in present):
            rows = rows_sum([a for _, a in plain if a is not None], lengths.pop())
        num_rows = len(present[0]) if present and present[0].ndim else None
        return digest_many(plain), rows, num_rows

    # -- steps ------------------------------------------------------------------------------------------------------

    def step(self, trainer: Any, data: Any, state: Any, call: Callable[[], Any]) -> Any:
        if self.broken or not self._stack or self._stack[-1].trainer is not trainer:
            return call()
        training = self._stack[-1]
        first = training.steps == 0
        queue = data if isinstance(data, deque) else None
        batch = None
        if hasattr(data, "gi_frame"):
            # On TensorFlow `train_on_batch` hands a generator on, which must not be consumed here.
            data = training.on_batch
        if queue is None and data is not None:
            batch = self.guard(lambda: self._digest_batch(models.flatten(data)), None)
        begin = self.guard(lambda: self._before(training, state), None)
        generators = self.guard(self._generators, {})
        if first and id(trainer) not in self._models:
            self.provenance.start_capture()
            self.provenance.keep_values = True
        self.provenance.in_step = True
        try:
            result = call()
        finally:
            self.provenance.in_step = False
            calls = self.provenance.end_capture()
            self.provenance.keep_values = False
        batches = [batch] if queue is None else self._take(queue, training)
        self.guard(
            lambda: self._after(training, batches, begin, generators, result, calls, is_jax=state is not None), None
        )
        self._maybe_stop()
        return result

    def _take(self, queue: deque[Any], training: _Training) -> list[Any]:
        wanted = int(getattr(training.trainer, "steps_per_execution", 1) or 1)
        return [queue.popleft() for _ in range(min(wanted, len(queue)))] or [None]

    def _generators(self) -> dict[str, bytes]:
        return {n: hashlib.blake2b(s, digest_size=16).digest() for n, s in self.ledger.states().items()}

    def _before(self, training: _Training, state: Any) -> Any:
        """Reads the state before a step where it is needed; returns {id of variable: array} or None."""
        if training.steps and self._steps not in self._snapshots:
            return None
        self._collect(training, training.trainer)
        values = self._values(training, state)
        return {id(v): value.copy() for v, value in zip(self._all(training), values, strict=True) if value is not None}

    def _by_path(self, training: _Training) -> dict[str, Any]:
        self._collect(training, training.trainer)
        paths: dict[str, int] = {}
        return {models.unique_path(v.path, paths): v for v in self._all(training)}

    def _all(self, training: _Training) -> list[Any]:
        return training.variables + training.optimizer_variables

    def _collect(self, training: _Training, trainer: Any) -> None:
        metrics = {id(v) for v in trainer.metrics_variables}
        variables = [*trainer.trainable_variables, *trainer.non_trainable_variables]
        training.variables = [v for v in variables if id(v) not in metrics]
        optimizer = getattr(trainer, "optimizer", None)
        training.optimizer_variables = list(optimizer.variables) if optimizer is not None else []

    def _values(self, training: _Training, state: Any) -> list[Array | None]:
        """Returns the values of all variables, in their order; from JAX's `state` where there is one."""
        if state is None:
            return [self._host(v) for v in self._all(training)]
        trainable, non_trainable, optimizer = state[0], state[1], state[2]
        return [self._backend.to_numpy(a) for part in (trainable, non_trainable, optimizer) for a in part]

    def _host(self, variable: Any) -> Array | None:
        return self._backend.host_value(variable)

    def _after(
        self, training: _Training, batches: list[Any], begin: Any, generators: dict[str, bytes], result: Any,
        calls: Any, *, is_jax: bool,
    ) -> None:
        logs, state = (result[0], result[1]) if is_jax else (result, None)
        if training.layout < 0 or len(self._all(training)) != len(training.variable_records):
            self._describe(training, calls, begin)
        values = self._values(training, state)
        digests = b"".join(_MISSING if v is None else state_digest(v) for v in values)
        numbers = self._logs(training, logs)
        after = self._generators()
        for i, batch in enumerate(batches):
            last = i == len(batches) - 1
            batch_digest, rows, num_rows = batch if batch is not None else (None, None, None)
            if last:
                covered = b"".join(
                    digests[16 * j : 16 * j + 16]
                    for j, v in enumerate(training.variable_records)
                    if v.role is not Role.SEED
                )
                loss = repr(numbers.get("loss")).encode()
                training.chain = chain(training.chain, batch_digest or b"", loss, covered)
            self.writer.step(
                StepRecord(
                    index=self._steps, training=training.record.number, epoch=training.epoch,
                    step=training.step_in_epoch, batch=batch_digest, rows=rows, num_rows=num_rows,
                    logs=numbers if last else {}, generators=generators, generators_after=after if last else generators,
                    chain=training.chain,
                )
            )
            if last:
                self.writer.state(
                    StateRecord(self._steps, training.record.number, "after", training.layout, digests)
                )
                if self._steps in self._snapshots:
                    self._snapshot(training, begin, values)
            if batch_digest is None and not training.batches_unseen:
                training.batches_unseen = True
                self.writer.warning("batch-unseen", f"training #{training.record.number}: its batches could not be seen")
            self._steps += 1
            training.steps += 1
            training.step_in_epoch += 1
        training.stepped_since_batch_end += 1

    def _snapshot(self, training: _Training, begin: Any, values: list[Array | None]) -> None:
        before = [(begin or {}).get(id(v)) for v in self._all(training)]
        for moment, arrays in (("before", before), ("after", values)):
            self._arrays(f"{moment}-{self._steps}", training, arrays)

    def _arrays(self, name: str, training: _Training, values: Sequence[Array | None]) -> None:
        named = zip(training.variable_records, values, strict=False)
        arrays = {v.path: value for v, value in named if value is not None and v.role is not Role.SEED}
        if arrays:
            self.writer.arrays(name, arrays)

    def _describe(self, training: _Training, calls: Any, begin: Any) -> None:
        """Writes the model, the layout and the state before the training's first step."""
        trainer = training.trainer
        self._collect(training, trainer)
        known = self._models.get(id(trainer))
        if known is None:
            record, layers = models.describe_model(trainer, len(self._models) + 1, calls, self.provenance)
        else:
            record, layers = known[3], known[2]
        self._models[id(trainer)] = (trainer, record.id, layers, record)
        self.writer.model(record)
        training.variable_records = models.describe_variables(
            trainer, training.variables, training.optimizer_variables, layers, self.provenance
        )
        training.layout = self.writer.layout(training.variable_records)
        training.record = replace(training.record, model=record.id)
        self.writer.training(training.record)
        if training.steps == 0:
            before = [self._begin_value(v, begin or {}) for v in self._all(training)]
            digests = b"".join(_MISSING if v is None else state_digest(v) for v in before)
            self.writer.state(
                StateRecord(self._steps, training.record.number, "begin", training.layout, digests)
            )
            self._arrays(f"initial-{training.record.number}", training, before)

    def _begin_value(self, variable: Any, begin: Mapping[int, Array]) -> Array | None:
        value = begin.get(id(variable))
        if value is None:
            # Made inside the first step (a subclassed model on TensorFlow): its first value was kept when it was made.
            made = self.provenance.made(variable)
            value = made.value if made is not None else None
        return value

    def _logs(self, training: _Training, logs: Any) -> dict[str, float]:
        if logs is None:
            return {}
        items = logs.items() if isinstance(logs, Mapping) else [("loss", logs)]
        numbers = {}
        for name, value in items:
            array = self._backend.to_numpy(value)
            if array.size == 1:
                numbers[str(name)] = float(array.reshape(()))
        if numbers and training.record.kind != "fit":
            training.record = replace(training.record, metrics=numbers)
        return numbers

    def batch_ended(self, callbacks: Any, logs: Any) -> None:
        """Records a step that no step hook saw: the user made a train function of their own."""
        if self.broken or not self._stack:
            return
        training = self._stack[-1]
        seen, training.stepped_since_batch_end = training.stepped_since_batch_end, 0
        if seen == 0:
            self.guard(lambda: self._from_callback(training, logs), None)

    def _from_callback(self, training: _Training, logs: Any) -> None:
        trainer = training.trainer
        held = getattr(trainer, "_jax_state", None)
        state = None
        if held:
            names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
            state = tuple(held.get(name) for name in names)
        self._collect(training, trainer)
        generators = self._generators()
        result = (logs, state) if state is not None else logs
        self._after(training, [None], {}, generators, result, [], is_jax=state is not None)
        training.stepped_since_batch_end = 0

    def by_hand(self, model: Any, batch: Any, loss: Any) -> None:
        """Records a step of the user's own loop, which is over already."""
        with self.training(model, "train_on_batch", {}):
            training = self._stack[-1]
            training.record = replace(training.record, kind="custom")
            self._collect(training, model)
            seen = self.guard(lambda: self._digest_batch(models.flatten(batch)), None)
            generators = self.guard(self._generators, {})
            self.guard(lambda: self._after(training, [seen], {}, generators, {"loss": loss}, [], is_jax=False), None)

    def applying(self) -> None:
        """An optimizer applies gradients; outside of any step that is a loop which is not recorded."""
        if not self._stack and not self.broken:
            self.unseen_updates += 1

    def _maybe_stop(self) -> None:
        if self._stop_file is not None and os.path.exists(self._stop_file):
            raise StopRecordedRun


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
