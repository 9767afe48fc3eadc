"""Steps on their way into a run: what a step returned is read some steps later, and written with its neighbours.

To read a loss that is not computed yet would make the training wait for it; a row at a time costs more than many.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from samefit.backends.base import Backend
from samefit.record import batches
from samefit.record.training import Training
from samefit.store.digest import chain
from samefit.store.records import PassedOver, StateRecord, StepRecord
from samefit.store.writer import RunWriter
from samefit.types import Role

_STEPS = 64
_SECONDS = 0.5


@dataclass(slots=True)
class Entry:
    """One step.

    Attributes:
        training: Its training.
        index: `StepRecord.index`.
        epoch: `StepRecord.epoch`.
        step: `StepRecord.step`.
        batch: What of its batch is recorded; None where it could not be seen.
        generators: `StepRecord.generators`.
        generators_after: `StepRecord.generators_after`.
        logs: What it returned; None for a batch of a compiled loop that is not its last, and where it was not read.
        state: The state after it, where that is recorded.
    """

    training: Training
    index: int
    epoch: int
    step: int
    batch: batches.BatchDigest | None
    generators: Mapping[str, bytes]
    generators_after: Mapping[str, bytes]
    logs: Any
    state: StateRecord | None


@dataclass(slots=True)
class _Unread:
    """Steps in a row of one epoch of which nothing was read.

    Attributes:
        training: Their training.
        index: `StepRecord.index` of the first.
        epoch: `StepRecord.epoch` of all.
        step: `StepRecord.step` of the first.
        number: How many they are.
        logs: What the last of them returned; None where another step of the epoch follows.
    """

    training: Training
    index: int
    epoch: int
    step: int
    number: int
    logs: Any


class StepLog:
    """Keeps steps for a moment, and writes them in their order.

    Args:
        writer: Where they go.
        backend: Reads what they returned.
    """

    def __init__(self, writer: RunWriter, backend: Backend) -> None:
        self._writer = writer
        self._backend = backend
        self._entries: list[Entry | _Unread] = []
        self._written = time.monotonic()

    def add(self, entry: Entry) -> None:
        """Takes a step; writes it, and all before it, if that is due."""
        last = self._entries[-1] if self._entries else None
        if isinstance(last, _Unread) and last.training is entry.training and last.epoch == entry.epoch:
            # Only of the last step of an epoch, whose loss Keras reports, it is kept what it returned.
            last.logs = None
        self._entries.append(entry)
        if len(self._entries) >= _STEPS or time.monotonic() - self._written > _SECONDS:
            self.write()

    def pass_over(self, training: Training, index: int, number: int, logs: Any) -> None:
        """Takes steps of which nothing was read, by the index of the first, and what the last of them returned."""
        self._entries.append(_Unread(training, index, training.epoch, training.step_in_epoch, number, logs))

    def write(self, *, at_once: bool = False) -> None:
        """Writes all steps that were taken; `at_once`: such that another process sees them now."""
        entries, self._entries = self._entries, []
        self._written = time.monotonic()
        self._writer.steps([record for entry in entries for record in self._records(entry)])
        if at_once:
            self._writer.flush()

    def _records(self, entry: Entry | _Unread) -> Iterator[tuple[StepRecord | PassedOver, StateRecord | None]]:
        if isinstance(entry, Entry):
            yield self._record(entry), entry.state
            return
        training, is_last = entry.training, entry.logs is not None
        number = entry.number - is_last
        if number:
            place = training.record.number, entry.epoch, entry.step
            yield PassedOver(entry.index, number, *place, training.chain), None
        if is_last:
            place = entry.index + number, entry.epoch, entry.step + number
            yield self._record(Entry(training, *place, None, {}, {}, entry.logs, None)), None

    def _record(self, entry: Entry) -> StepRecord:
        training = entry.training
        batch = entry.batch
        digest = None if batch is None else batch.digest
        logs: Mapping[str, float] = {}
        if entry.logs is not None:
            logs = batches.numbers_of(self._backend, entry.logs)
            if logs and training.record.kind != "fit":
                training.record = replace(training.record, metrics=logs)
            covered = _covered(training, entry.state)
            training.chain = chain(training.chain, digest or b"", repr(logs.get("loss")).encode(), covered)
        return StepRecord(
            index=entry.index,
            training=training.record.number,
            epoch=entry.epoch,
            step=entry.step,
            batch=digest,
            rows=None if batch is None else batch.rows,
            num_rows=None if batch is None else batch.num_rows,
            head=None if batch is None else batch.head,
            logs=logs,
            generators=entry.generators,
            generators_after=entry.generators_after,
            chain=training.chain,
        )


def _covered(training: Training, state: StateRecord | None) -> bytes:
    """Returns the digests of a state that a chain covers: all but those of seeds."""
    if state is None:
        return b""
    return b"".join(
        state.digests[16 * i : 16 * i + 16]
        for i, variable in enumerate(training.variable_records)
        if variable.role is not Role.SEED
    )
