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

    def steps(self) -> tuple[Entry]:
        """Returns itself: one step."""
        return (self,)


@dataclass(slots=True)
class PassedOver:
    """Steps in a row of which nothing was read.

    Attributes:
        training: Their training.
        index: `StepRecord.index` of the first.
        epoch: `StepRecord.epoch` of all.
        step: `StepRecord.step` of the first.
        logs: What the last of them returned.
        number: How many they are.
    """

    training: Training
    index: int
    epoch: int
    step: int
    logs: Any
    number: int = 1

    def steps(self) -> Iterator[Entry]:
        """Yields them one by one; what was returned is known of the last alone."""
        for i in range(self.number):
            logs = self.logs if i + 1 == self.number else None
            yield Entry(self.training, self.index + i, self.epoch, self.step + i, None, {}, {}, logs, None)


class StepLog:
    """Keeps steps for a moment, and writes them in their order.

    Args:
        writer: Where they go.
        backend: Reads what they returned.
    """

    def __init__(self, writer: RunWriter, backend: Backend) -> None:
        self._writer = writer
        self._backend = backend
        self._entries: list[Entry | PassedOver] = []
        self._written = time.monotonic()

    def add(self, entry: Entry) -> None:
        """Takes a step; writes it, and all before it, if that is due."""
        last = self._entries[-1] if self._entries else None
        if isinstance(last, PassedOver) and last.training is entry.training and last.epoch == entry.epoch:
            # Only of the last step of an epoch, whose loss Keras reports, it is kept what it returned.
            last.logs = None
        self._entries.append(entry)
        if len(self._entries) >= _STEPS or time.monotonic() - self._written > _SECONDS:
            self.write()

    def pass_over(self, training: Training, index: int, logs: Any) -> None:
        """Takes a step of which nothing was read, by its index and what it returned."""
        last = self._entries[-1] if self._entries else None
        if isinstance(last, PassedOver) and last.training is training and last.epoch == training.epoch:
            last.number += 1
            last.logs = logs
        else:
            self._entries.append(PassedOver(training, index, training.epoch, training.step_in_epoch, logs))

    def write(self, *, at_once: bool = False) -> None:
        """Writes all steps that were taken; `at_once`: such that another process sees them now."""
        entries, self._entries = self._entries, []
        self._written = time.monotonic()
        self._writer.steps([(self._record(step), step.state) for entry in entries for step in entry.steps()])
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
