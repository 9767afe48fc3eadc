"""Steps on their way into a run: what a step returned is read some steps later, and written with its neighbours.

To read a loss that is not computed yet would make the training wait for it; a row at a time costs more than many.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from samefit.backends.base import Backend
from samefit.record import batches
from samefit.record.training import Training
from samefit.record.waiting import Waiting
from samefit.store.digest import chain
from samefit.store.records import StateRecord, StepRecord
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
        logs: What it returned; None for a batch of a compiled loop that is not its last.
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


class StepLog:
    """Keeps steps for a moment, and writes them in their order.

    Args:
        writer: Where they go.
        backend: Reads what they returned.
    """

    def __init__(self, writer: RunWriter, backend: Backend) -> None:
        self._writer = writer
        self._backend = backend
        self._entries: list[Entry] = []
        self._waiting: list[Waiting] = []
        self._first: tuple[Training, int, int, int] | None = None
        self._written = time.monotonic()

    def add(self, entry: Entry) -> None:
        """Takes a step; writes it, and all before it, if that is due."""
        self._put_in_order()
        self._entries.append(entry)
        if len(self._entries) >= _STEPS or time.monotonic() - self._written > _SECONDS:
            self.write()

    def wait(self, training: Training, index: int, step: Waiting) -> None:
        """Takes a step that waits, and follows the one before in the same epoch."""
        waiting = self._waiting
        if not waiting:
            self._first = training, index, training.epoch, training.step_in_epoch
        waiting.append(step)
        if len(waiting) >= _STEPS or time.monotonic() - self._written > _SECONDS:
            self.write()

    def _put_in_order(self) -> None:
        """Puts the steps that wait among the others: all are of one epoch of one training, and follow each other."""
        if not self._waiting or self._first is None:
            return
        waiting, self._waiting = self._waiting, []
        training, index, epoch, in_epoch = self._first
        for i, step in enumerate(waiting):
            batch = training.seen(step.batch, self._writer.warning)
            place = index + i, epoch, in_epoch + i
            self._entries.append(
                Entry(training, *place, batch, step.generators, step.generators_after, step.logs, None)
            )

    def write(self, *, at_once: bool = False) -> None:
        """Writes all steps that were taken; `at_once`: such that another process sees them now."""
        self._put_in_order()
        entries, self._entries = self._entries, []
        self._written = time.monotonic()
        self._writer.steps([(self._record(entry), entry.state) for entry in entries])
        if at_once:
            self._writer.flush()

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
