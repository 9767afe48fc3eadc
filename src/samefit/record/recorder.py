"""The recorder: turns what the hooks show into the records of a run."""

from __future__ import annotations

import contextlib
import functools
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from samefit.attribution import caller
from samefit.backends.base import Array, Backend
from samefit.pin.weights import first_value
from samefit.record import batches, models
from samefit.record.guard import Guard
from samefit.record.inside import InsideRecorder, Moment
from samefit.record.ledger import Ledger
from samefit.record.provenance import Provenance
from samefit.record.stop import StopPoint
from samefit.record.training import Compiles, Training
from samefit.record.watched import WatchedBatches
from samefit.store.digest import chain, state_digest
from samefit.store.records import ModelRecord, StateRecord, StepRecord, TrainingRecord
from samefit.store.writer import RunWriter
from samefit.transplant.plan import Transplants
from samefit.types import Role

_MISSING = bytes(16)


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
        stop: Where the run ends before its script does.
        keep_data: Whether the arrays handed to `fit` are kept.
        keep_states: Indices of steps after which the values of all variables are kept.
        look_inside: Indices of steps that are run once more, with every layer watched.
        before_training: Called before each training: a framework may have been imported since the last one.
    """

    def __init__(
        self,
        writer: RunWriter,
        ledger: Ledger,
        backend: Backend,
        provenance: Provenance,
        transplants: Transplants,
        *,
        stop: StopPoint | None = None,
        keep_data: bool = False,
        keep_states: Collection[int] = (),
        look_inside: Collection[int] = (),
        before_training: Callable[[], None] = lambda: None,
    ) -> None:
        self.writer = writer
        self.ledger = ledger
        self.provenance = provenance
        self.guard = Guard(writer)
        self.unseen_updates: Counter[str] = Counter()
        self._backend = backend
        self._transplants = transplants
        self._stop = stop or StopPoint(None, None)
        self._keep_data = keep_data
        self._keep_states = keep_states
        self._before_training = before_training
        self._stack: list[Training] = []
        self._trainings = 0
        self._steps = 0
        self._models: dict[int, tuple[Any, int, list[Any], ModelRecord]] = {}
        self._on_batch: dict[int, Training] = {}
        self._compiles = Compiles()
        self._watched = WatchedBatches(backend, self.guard, keep=bool(look_inside))
        self._inside = InsideRecorder(look_inside, writer, backend)

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

    def _begin(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> Training:
        self._before_training()
        known = self._on_batch.get(id(trainer))
        on_batch = tuple(arguments.get(name) for name in ("x", "y", "sample_weight"))
        if kind == "train_on_batch" and known is not None:
            known.on_batch = on_batch
            return known
        self._on_batch.pop(id(trainer), None)
        self._trainings += 1
        number = self._trainings
        self._transplants.training(number, trainer, arguments)
        if self._keep_data:
            self.writer.arrays(f"data-{number}", models.data_arrays(arguments, self._backend.to_numpy))
        options = models.describe_arguments(arguments, self._backend.to_numpy) if kind == "fit" else {}
        event = self.ledger.note("training", value=number, location=caller().location, training=number)
        self.ledger.keep_states(f"training:{number}")
        record = TrainingRecord(
            number=number,
            side=self.ledger.side,
            model=0,
            kind=kind,
            options=options,
            compiled=models.describe_compiled(trainer) | self._compiles.of(trainer),
            begin_event=event.id,
            status="running",
            location=event.location,
        )
        training = Training(record, trainer)
        if kind == "train_on_batch":
            training.on_batch = on_batch
            self._on_batch[id(trainer)] = training
        return training

    def _end(self, training: Training, status: str) -> None:
        if training.layout < 0:
            return
        if training.record.kind == "fit" or status == "failed":
            self._finish(training, status)
        else:
            # The next `train_on_batch` of this model belongs to the same training.
            self.writer.training(replace(training.record, status="running"))

    def _finish(self, training: Training, status: str) -> None:
        last = training.last_metrics()
        training.record = replace(training.record, status=status, metrics=last or training.record.metrics)
        self.writer.training(training.record)
        self._arrays(
            f"final-{training.record.number}", training, [self._backend.host_value(v) for v in training.variables]
        )
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
        if not self.ledger.inside(word):
            self.guard(lambda: self.ledger.note(word, location=caller().location), None)
        with self.ledger.context(word, None):
            yield

    def compiling(self, trainer: Any, arguments: dict[str, Any]) -> None:
        self.guard(lambda: self._compiles.put(trainer, self._transplants.compiling(arguments)), None)

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
            self._transplants.first_step(number, training.trainer, training.by_path)
        self.ledger.note("epoch", value=epoch)
        self.ledger.keep_states(f"epoch:{number}:{epoch}")

    # -- batches ----------------------------------------------------------------------------------------------------

    def watched(self, dataset: Any) -> Any:
        if self.guard.broken or not self._stack or self.ledger.inside("evaluate") or self.ledger.inside("predict"):
            return dataset
        return self._watched.watch(dataset)

    def seen_batches(self, iterator: Any) -> Any:
        if hasattr(iterator, "gi_frame"):
            return iterator
        return self._watched.seen(iterator)

    # -- steps ------------------------------------------------------------------------------------------------------

    def step(self, trainer: Any, data: Any, state: Any, call: Callable[[], Any]) -> Any:
        if self.guard.broken or not self._stack or self._stack[-1].trainer is not trainer:
            return call()
        training = self._stack[-1]
        first = training.steps == 0
        queue = data if isinstance(data, deque) else None
        batch = None
        if hasattr(data, "gi_frame"):
            # On TensorFlow `train_on_batch` hands a generator on, which must not be consumed here.
            data = training.on_batch
        if queue is None and data is not None:
            batch = self.guard(lambda: batches.digest_batch(self._backend, models.flatten(data)), None)
        begin = self.guard(lambda: self._before(training, state), None)
        moment = self.guard(lambda: self._inside.before(self._steps, training, state), None)
        generators = self.guard(self.ledger.digests, dict[str, bytes]())
        if first and id(trainer) not in self._models:
            self.provenance.start_capture()
            self.provenance.keep_values = True
        try:
            with self.provenance.inside_step():
                result = call()
        finally:
            calls = self.provenance.end_capture()
            self.provenance.keep_values = False
        fed = [batch] if queue is None else self._take(queue, training)
        self.guard(lambda: self._after(training, fed, begin, generators, result, calls, is_jax=state is not None), None)
        if moment is not None:
            self.guard(lambda: self._look_inside(moment, training, data), None)
        self._stop.check(self._steps)
        return result

    def _look_inside(self, moment: Moment, training: Training, data: Any) -> None:
        batch = self._watched.last(data) if isinstance(data, deque) else data
        layers = self._models[id(training.trainer)][2]
        with self.provenance.inside_step():
            self._inside.after(moment, training, batch, layers, lambda variable: self._begin_value(variable, {}))

    def _take(self, queue: deque[Any], training: Training) -> list[Any]:
        wanted = int(getattr(training.trainer, "steps_per_execution", 1) or 1)
        return [queue.popleft() for _ in range(min(wanted, len(queue)))] or [None]

    def _before(self, training: Training, state: Any) -> Any:
        """Reads the state before a step where it is needed; returns {id of variable: array} or None."""
        if training.steps:
            return None
        training.collect(training.trainer)
        values = self._values(training, state)
        return {
            id(v): value.copy() for v, value in zip(training.all_variables, values, strict=True) if value is not None
        }

    def _values(self, training: Training, state: Any) -> list[Array | None]:
        """Returns the values of all variables, in their order; from JAX's `state` where there is one."""
        if state is None:
            return [self._backend.host_value(v) for v in training.all_variables]
        own, slots = ([self._backend.to_numpy(a) for a in part] for part in ((*state[0], *state[1]), state[2]))
        return [*own, *(self._backend.host_value(v) for v in training.untracked), *slots]

    def _after(
        self,
        training: Training,
        batches: list[Any],
        begin: Any,
        generators: dict[str, bytes],
        result: Any,
        calls: Any,
        *,
        is_jax: bool,
    ) -> None:
        logs, state = (result[0], result[1]) if is_jax else (result, None)
        if training.layout < 0 or len(training.all_variables) != len(training.variable_records):
            self._describe(training, calls, begin)
        values = self._values(training, state)
        digests = b"".join(_MISSING if v is None else state_digest(v) for v in values)
        numbers = self._logs(training, logs)
        after = self.ledger.digests()
        for i, batch in enumerate(batches):
            last = i == len(batches) - 1
            batch_digest = None if batch is None else batch.digest
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
                    index=self._steps,
                    training=training.record.number,
                    epoch=training.epoch,
                    step=training.step_in_epoch,
                    batch=batch_digest,
                    rows=None if batch is None else batch.rows,
                    num_rows=None if batch is None else batch.num_rows,
                    head=None if batch is None else batch.head,
                    logs=numbers if last else {},
                    generators=generators,
                    generators_after=after if last else generators,
                    chain=training.chain,
                )
            )
            if last:
                self.writer.state(StateRecord(self._steps, training.record.number, "after", training.layout, digests))
                if self._steps in self._keep_states:
                    self._arrays(f"state-{self._steps}", training, values)
            if batch_digest is None and not training.batches_unseen:
                training.batches_unseen = True
                self.writer.warning(
                    "batch-unseen", f"training #{training.record.number}: its batches could not be seen"
                )
            self._steps += 1
            training.steps += 1
            training.step_in_epoch += 1
        training.stepped_since_batch_end += 1

    def _arrays(self, name: str, training: Training, values: Sequence[Array | None]) -> None:
        named = zip(training.variable_records, values, strict=False)
        arrays = {v.path: value for v, value in named if value is not None and v.role is not Role.SEED}
        if arrays:
            self.writer.arrays(name, arrays)

    def _describe(self, training: Training, calls: Any, begin: Any) -> None:
        """Writes the model, the layout and the state before the training's first step."""
        trainer = training.trainer
        training.collect(trainer)
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
        frozen = tuple(i for i, layer in enumerate(layers) if not layer.trainable)
        training.record = replace(training.record, model=record.id, frozen=frozen)
        self.writer.training(training.record)
        if training.steps == 0:
            before = [self._begin_value(v, begin or {}) for v in training.all_variables]
            digests = b"".join(_MISSING if v is None else state_digest(v) for v in before)
            self.writer.state(StateRecord(self._steps, training.record.number, "begin", training.layout, digests))
            self._arrays(f"initial-{training.record.number}", training, before)

    def _begin_value(self, variable: Any, begin: Mapping[int, Array]) -> Array | None:
        value = begin.get(id(variable))
        if value is None:
            # Made inside the first step (a subclassed model on TensorFlow): its first value was kept when it was made.
            value = first_value(variable)
        if value is None:
            made = self.provenance.made(variable)
            value = made.value if made is not None else None
        return value

    def _logs(self, training: Training, logs: Any) -> dict[str, float]:
        numbers = batches.numbers_of(self._backend, logs)
        if numbers and training.record.kind != "fit":
            training.record = replace(training.record, metrics=numbers)
        return numbers

    def batch_ended(self, callbacks: Any, logs: Any) -> None:
        """Records a step that no step hook saw: the user made a train function of their own."""
        if self.guard.broken or not self._stack:
            return
        training = self._stack[-1]
        seen, training.stepped_since_batch_end = training.stepped_since_batch_end, 0
        if seen == 0:
            self.guard(lambda: self._from_callback(training, logs), None)

    def _from_callback(self, training: Training, logs: Any) -> None:
        trainer = training.trainer
        held = getattr(trainer, "_jax_state", None)
        names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
        state = tuple(held.get(name) for name in names) if held else None
        training.collect(trainer)
        generators = self.ledger.digests()
        result = (logs, state) if state is not None else logs
        self._after(training, [None], {}, generators, result, [], is_jax=state is not None)
        training.stepped_since_batch_end = 0

    def by_hand(self, model: Any, batch: Any, loss: Any) -> None:
        """Records a step of the user's own loop, which is over already, with all updates since the step before."""
        self.unseen_updates.pop(self.ledger.side, None)
        with self.training(model, "train_on_batch", {}):
            training = self._stack[-1]
            training.record = replace(training.record, kind="custom")
            training.collect(model)
            seen = self.guard(lambda: batches.digest_batch(self._backend, models.flatten(batch)), None)
            generators = self.guard(self.ledger.digests, dict[str, bytes]())
            self.guard(lambda: self._after(training, [seen], {}, generators, {"loss": loss}, [], is_jax=False), None)

    def applying(self) -> None:
        """An optimizer applies gradients; outside of any step that is a loop which is not recorded."""
        if not self._stack and not self.guard.broken:
            self.unseen_updates[self.ledger.side] += 1
