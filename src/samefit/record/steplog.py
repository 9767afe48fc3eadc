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
        self._written = time.monotonic()

    def add(self, entry: Entry) -> None:
        """Takes a step; writes it, and all before it, if that is due."""
        self._entries.append(entry)
        if len(self._entries) >= _STEPS or time.monotonic() - self._written > _SECONDS:
            self.write()

    def write(self, *, at_once: bool = False) -> None:
        """Writes all steps that were taken; `at_once`: such that another process sees them now."""
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
