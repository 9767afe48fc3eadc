"""The recorder: turns what the hooks show into the records of a run."""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from samefit.attribution import caller
from samefit.backends.base import Array, Backend
from samefit.nested import flatten
from samefit.patches.passing import Passing
from samefit.record import batches, fit_arguments
from samefit.record.compiled import Compiles
from samefit.record.describer import Describer
from samefit.record.inside import InsideRecorder, Moment
from samefit.record.ledger import Ledger
from samefit.record.own_generators import note_own_generators
from samefit.record.provenance import Provenance
from samefit.record.states import States, held_by
from samefit.record.steplog import Entry, StepLog
from samefit.record.stop import StopPoint, StopRecordedRun
from samefit.record.training import NOTHING_KNOWN, Before, Threads, Training, begun_by, over
from samefit.record.watched import Deliveries, WatchedBatches
from samefit.store import cadence
from samefit.store.inside import Look
from samefit.store.records import TrainingRecord
from samefit.store.writer import RunWriter
from samefit.transplant.plan import Transplants


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
        looks: Steps that are run once more, with every layer watched.
        every_step: Whether the state is recorded after every step, not only where `samefit.store.cadence` says so.
        every_batch: Whether no step is passed over (`samefit.store.cadence.num_passed_over`).
        before_training: Called before each training: a framework may have been imported since the last one.
        pipeline_of: Returns the stages of the input pipeline behind what was handed to `fit`.
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
        looks: Sequence[Look] = (),
        every_step: bool = False,
        every_batch: bool = False,
        before_training: Callable[[], None] = lambda: None,
        pipeline_of: Callable[[Any], list[Any]] = lambda value: [],
    ) -> None:
        self.writer, self.ledger, self.guard, self.provenance = writer, ledger, ledger.guard, provenance
        self.unseen_updates, self.passing = Counter[str](), Passing(provenance)
        self._backend, self._transplants = backend, transplants
        self._stop, self._keep_data, self._keep_states = stop or StopPoint(None, None), keep_data, keep_states
        self._before_training, self._pipeline_of = before_training, pipeline_of
        self._stack, self._trainings, self._steps = list[Training](), 0, 0
        self._on_batch: dict[int, Training] = {}
        self._compiles, self._threads = Compiles(), Threads()
        self._num_with_rows = math.inf if every_step else cadence.ROWS
        self._watched = WatchedBatches(backend, self.guard, keep=bool(looks), num_with_rows=self._num_with_rows)
        self._inside, self._log = InsideRecorder(looks, writer, backend), StepLog(writer, backend)
        self._states = States(writer, backend, every_step=every_step, note=ledger.note)
        self._describer = Describer(writer, provenance, self._states)
        self._waits, self._passes_over = not (looks or keep_states or every_step), not every_batch

    # -- trainings --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def training(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> Iterator[None]:
        with self._threads.training(), self._recorded(trainer, kind, arguments):
            yield

    @contextlib.contextmanager
    def _recorded(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> Iterator[None]:
        training = self.guard(lambda: self._begin(trainer, kind, arguments), None)
        if training is None:
            self.guard.missed()
            yield
            return
        self._stack.append(training)
        status = "failed"
        try:
            with self.ledger.context(kind, training.record.number):
                yield
            status = "complete"
        finally:
            self._stack[:] = [other for other in self._stack if other is not training]
            self.guard(lambda: self._end(training, status), None)

    def _begin(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> Training:
        self._settle()
        self._threads.must_be_one()
        self._before_training()
        known = self._on_batch.get(id(trainer))
        on_batch = tuple(arguments.get(name) for name in ("x", "y", "sample_weight"))
        if kind == "train_on_batch" and known is not None:
            known.on_batch = on_batch
            return known
        for before in over(self._on_batch, trainer, self._steps):
            self._finish(before, before.ended_as("complete"))
        self._trainings += 1
        number = self._trainings
        self._transplants.training(number, trainer, arguments)
        if self._keep_data:
            self.writer.arrays(f"data-{number}", fit_arguments.data_arrays(arguments, self._backend.to_numpy))
        options = fit_arguments.describe_arguments(kind, arguments, self._backend.to_numpy, self._pipeline_of)
        event = self.ledger.note("training", value=number, training=number, **begun_by(self._stack))
        self.ledger.keep_states(f"training:{number}", note_own_generators(self.ledger, number))
        compiled = self._compiles.of(trainer)
        record = TrainingRecord(
            number, self.ledger.side, 0, kind, options, compiled, event.id, "running", location=event.location
        )
        training = Training(record, trainer, acts_between=fit_arguments.act_between_steps(arguments.get("callbacks")))
        if kind == "train_on_batch":
            training.on_batch, self._on_batch[id(trainer)] = on_batch, training
            if arguments:  # a loop of the user's own has taken its first step already
                self._transplants.first_step(number, trainer, training.by_path)
        return training

    def _end(self, training: Training, status: str) -> None:
        if training.layout < 0:
            return
        if training.record.kind == "fit" or status == "failed":
            self._finish(training, status)
        else:
            # The next `train_on_batch` of this model belongs to the same training.
            training.record = replace(training.record, status="running")
            self.writer.training(training.record)

    def _finish(self, training: Training, status: str) -> None:
        self._settle()
        self._log.write()
        training.finish(status)
        self.writer.training(training.record)
        self._transplants.after_training(training.record.number)
        self._states.finish(training, has_returned=training.record.kind == "fit" and status == "complete")
        self.writer.flush()

    def training_ended(self) -> None:
        """Keras says that a training is over; callbacks may change the weights after that."""
        if self._stack and not self.guard.stopped and self._stack[-1].layout >= 0:
            self.guard(lambda: self._ended(self._stack[-1]), None)

    def _ended(self, training: Training) -> None:
        self._settle()
        self._log.write()
        self._states.end(training, self._states.readings(training, None))

    def close(self, status: str) -> None:
        """Ends the trainings that are still open (those of `train_on_batch`)."""
        self.ledger.settle()
        for training in self._on_batch.values():
            if training.layout >= 0:
                self._finish(training, training.ended_as(status))
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
        self._settle()
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

    def watched(self, dataset: Any, epochs: Any) -> Any:
        if self.guard.stopped or not self._stack or self.ledger.inside("evaluate") or self.ledger.inside("predict"):
            return dataset
        return self.guard(lambda: self._watched.watch(dataset, epochs), dataset)

    def seen_batches(self, iterator: Any) -> Any:
        if hasattr(iterator, "gi_frame"):
            return iterator
        return self.guard(lambda: self._watched.seen(iterator), None)

    # -- steps ------------------------------------------------------------------------------------------------------

    def step(self, trainer: Any, data: Any, state: Any, call: Callable[[], Any]) -> Any:
        self.guard(self._settle, None)
        training = self._stack[-1] if self._stack else None
        if self.guard.stopped or training is None or training.trainer is not trainer:
            return call()
        if training.step_in_epoch and training.steps < training.waits_until:
            return self._step_that_waits(training, data, call)
        deliveries = data if isinstance(data, Deliveries) else None
        if hasattr(data, "gi_frame"):
            # On TensorFlow `train_on_batch` hands a generator on, which must not be consumed here.
            data = training.on_batch
        early = self.guard(lambda: training.returns_early(self._backend), False)
        batch = None if early or deliveries is not None else data
        before = self.guard(lambda: self._before(training, batch, state), NOTHING_KNOWN)
        if training.steps == 0 and not self._describer.knows(trainer):
            self.provenance.start_capture()
            self.provenance.keep_values = True
        try:
            with self.provenance.inside_step():
                result = call()
        finally:
            calls = self.provenance.end_capture()
            self.provenance.keep_values = False
        if early:
            # While the step is computed, which leaves its batch as it is.
            fed = [self.guard(lambda: self._digest(training, data), None)]
        else:
            fed = [before.batch] if deliveries is None else deliveries.take(training.trainer)
        logs, after = (result[0], result[1]) if state is not None else (result, None)
        self.guard(lambda: self._after(training, fed, before, logs, after, calls), None)
        if before.moment is not None:
            self.guard(lambda: self._look_inside(before.moment, training, data), None)
        self._go_on(training, after)
        return result

    def _go_on(self, training: Training, state: Any) -> None:
        """Ends the run after a step, if it is to end before its script does; else says which steps are passed over."""
        if self._stop.is_reached(self._steps):
            self.guard(lambda: self._stopping(training, state), None)
            raise StopRecordedRun
        if self._passes_over and training.steps < training.waits_until:
            # The step that ends the run is read.
            most = min(training.waits_until - training.steps, self._stop.left(self._steps + 1))
            number = min(cadence.num_passed_over(training.steps, training.first_steps), most)
            self.passing.begin(training.trainer, training, int(number))

    def _stopping(self, training: Training, state: Any) -> None:
        """Records the state after the last step of a run that ends here."""
        self._log.write()
        if training.last_state != training.last:
            values = self._states.readings(training, state)
            self.writer.state(self._states.record(training, training.last, "after", values))
        self.writer.flush()

    def _look_inside(self, moment: Moment, training: Training, data: Any) -> None:
        batch = data.last if isinstance(data, Deliveries) else data
        layers = self._describer.layers(training.trainer)
        with self.provenance.inside_step():
            self._inside.after(moment, training, batch, layers, lambda v: self._describer.begin_value(v, {}))

    def _before(self, training: Training, data: Any, state: Any) -> Before:
        """Reads what is needed before a step."""
        batch = None if data is None else self._digest(training, data)
        begin: dict[int, Array] = {}
        if not training.steps:
            training.collect(training.trainer)
            values = zip(training.all_variables, self._states.values(training, state), strict=True)
            begin = {id(v): value.copy() for v, value in values if value is not None}
        elif training.may_have_changed:
            self._states.between(training, self._steps, self._states.readings(training, state))
        moment = self._inside.before(self._steps, training, state)
        return Before(batch, begin, moment, self.ledger.digests())

    def _digest(self, training: Training, data: Any) -> batches.BatchDigest | str:
        with_rows = training.steps < self._num_with_rows
        return batches.digest_batch(self._backend, flatten(data), with_rows=with_rows)

    def _after(self, training: Training, fed: Sequence[Any], before: Before, logs: Any, state: Any, calls: Any) -> None:
        if training.layout < 0 or training.num_variables != len(training.variable_records):
            # What was taken before has another layout, or comes first.
            self._log.write()
            self._describer.describe(training, self._steps, calls, before.begin)
            training.may_wait = self._waits and training.returns_early(self._backend) and not training.acts_between
        generators = self.ledger.digests()
        if not training.returns_early(self._backend):
            # What it returned may change in place with the next step.
            logs = batches.numbers_of(self._backend, logs)
        last = self._steps + len(fed) - 1
        record = None
        if last in self._keep_states or self._states.are_due(training, len(fed)):
            record = self._states.record(training, last, "after", self._states.readings(training, state))
            if last in self._keep_states:
                self._states.arrays(f"state-{last}", training, self._states.values(training, state))
            self.ledger.draw_anew()  # a loop of the user's draws its batches step by step
        for seen in fed:
            batch = training.seen(seen, self.writer.warning)
            whole = self._steps == last
            behind = (generators, logs or {}, record) if whole else (before.generators, None, None)
            self._add(training, batch, before.generators, *behind)
        training.stepped_since_batch_end += 1
        if training.may_wait:
            training.waits_until = self._states.next_due(training) - 1
        if training.steps == len(fed):
            # Sides that part at once are seen to do so while the second step runs.
            self._log.write(at_once=True)

    def _step_that_waits(self, training: Training, data: Any, call: Callable[[], Any]) -> Any:
        """Runs a step of which nothing but the batch is read before some others have followed.

        See `Training.waits_until`. It does without most of `step`: between two steps each call of a function of ours
        costs a microsecond or two.
        """
        generators: Mapping[str, bytes] = self.guard(self.ledger.digests, {})
        self.provenance.in_step = True
        try:
            result = call()
        finally:
            self.provenance.in_step = False
        self.guard(lambda: self._add_waiting(training, data, generators, result[0]), None)
        self._go_on(training, result[1])
        return result

    def _settle(self) -> None:
        """Counts the steps that were passed over; no more are."""
        training, number, logs = self.passing.end()
        if number:
            self._log.pass_over(training, self._steps, number, logs)
            self._count(training, number)

    def _add_waiting(self, training: Training, data: Any, generators: Mapping[str, bytes], logs: Any) -> None:
        # While the step is computed, which leaves its batch as it is; later somebody may write into it.
        batch = training.seen(self._digest(training, data), self.writer.warning)
        self._add(training, batch, generators, self.ledger.digests(), logs, None)
        training.stepped_since_batch_end += 1

    def _add(self, training: Training, *record: Any) -> None:
        self._log.add(Entry(training, self._steps, training.epoch, training.step_in_epoch, *record))
        self._count(training, 1)

    def _count(self, training: Training, number: int) -> None:
        self._steps += number
        training.last = self._steps - 1
        training.steps += number
        training.step_in_epoch += number

    def batch_ended(self, callbacks: Any, logs: Any) -> None:
        """Records a step that no step hook saw: the user made a train function of their own."""
        if self.guard.stopped or not self._stack:
            return
        training = self._stack[-1]
        seen, training.stepped_since_batch_end = training.stepped_since_batch_end, 0
        if seen == 0:
            self.guard(lambda: self._from_callback(training, logs), None)

    def _from_callback(self, training: Training, logs: Any) -> None:
        trainer = training.trainer
        training.collect(trainer)
        before = Before(None, {}, None, self.ledger.digests())
        self._after(training, [None], before, logs, held_by(trainer), [])
        training.stepped_since_batch_end = 0

    def by_hand(self, model: Any, batch: Any, loss: Any) -> None:
        """Records a step of the user's own loop, which is over already, with all updates since the step before."""
        self.unseen_updates.pop(self.ledger.side, None)
        with self.training(model, "train_on_batch", {}):
            self.guard(lambda: self._by_hand(model, batch, loss), None)

    def _by_hand(self, model: Any, batch: Any, loss: Any) -> None:
        training = self._stack[-1]
        training.record = replace(training.record, kind="custom")
        training.collect(model)
        seen = batches.digest_batch(self._backend, flatten(batch))
        before = Before(seen, {}, None, self.ledger.digests())
        self._after(training, [seen], before, {"loss": loss}, None, [])

    def applying(self) -> None:
        """An optimizer applies gradients; outside of any step that is a loop which is not recorded."""
        if not self._stack and not self.guard.stopped:
            self.unseen_updates[self.ledger.side] += 1
