"""Writing a run directory, so that a killed process leaves a readable run."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from samefit.errors import RunError
from samefit.store.alive import identity
from samefit.store.codec import to_json
from samefit.store.inside import InsideStep
from samefit.store.records import (
    Event,
    ModelRecord,
    PassedOver,
    StateRecord,
    StepRecord,
    TrainingRecord,
    VariableRecord,
)
from samefit.store.schema import SCHEMA, SCHEMA_VERSION, place_of, place_of_final
from samefit.store.whole import WholeChain

_COMMIT_SECONDS = 0.5
_COMMIT_STEPS = 256
_STATUSES = ("complete", "failed", "stopped")

_INSERT_STEP = """\
INSERT INTO steps (step, training, epoch, step_in_epoch, batch, head, num_rows, indices, sample_sum, logs, generators,
chain, whole) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""

_INSERT_PASSED_OVER = "INSERT INTO passed_over VALUES (?, ?, ?, ?, ?, ?, ?)"

_INSERT_STATE = "INSERT INTO states VALUES (?, ?, ?, ?, ?)"


class RunWriter:
    """Appends records to a run directory.

    Args:
        path: The directory; it must not exist, or be empty.
        manifest: What is known at the begin.

    Raises:
        RunError: If the directory holds something already.
    """

    def __init__(self, path: str | Path, manifest: Mapping[str, Any]) -> None:
        path = Path(path)
        if path.exists() and not path.is_dir():
            raise RunError(f"{path} is a file: a run needs a directory of its own.")
        if path.exists() and any(path.iterdir()):
            raise RunError(f"{path} is not empty: a run needs a directory of its own.")
        (path / "arrays").mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.RLock()
        self._manifest = identity() | dict(manifest) | {"schema_version": SCHEMA_VERSION}
        self._layouts: dict[str, int] = {}
        self._whole = WholeChain()
        self._generators_number = -1
        self._around: tuple[int, Mapping[str, bytes], Mapping[str, bytes], bytes] | None = None
        self._nowhere = -1
        self._states = 0
        self._database = sqlite3.connect(path / "run.sqlite", check_same_thread=False, isolation_level=None)
        self._release = weakref.finalize(self, self._database.close)
        # What ends a run when the process does comes later.
        self._release.atexit = False
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(SCHEMA)
        self._committed = time.monotonic()
        self._steps_since = 0
        self._meta("schema_version", SCHEMA_VERSION)
        self._meta("status", "running")
        self.flush()
        self._write_manifest()

    def model(self, record: ModelRecord) -> None:
        """Adds or replaces a model."""
        self._execute("INSERT OR REPLACE INTO models VALUES (?, ?)", record.id, to_json(record))

    def training(self, record: TrainingRecord) -> None:
        """Adds or replaces a training."""
        self._execute("INSERT OR REPLACE INTO trainings VALUES (?, ?)", record.number, to_json(record))

    def layout(self, variables: tuple[VariableRecord, ...]) -> int:
        """Adds a layout if it is new, and returns its number."""
        text = "[" + ",".join(map(to_json, variables)) + "]"
        with self._lock:
            number = self._layouts.get(text)
            if number is None:
                number = self._layouts[text] = len(self._layouts)
                self._whole.layout(number, variables)
                self._execute("INSERT INTO layouts VALUES (?, ?)", number, text)
            return number

    def step(self, record: StepRecord) -> None:
        """Adds a step."""
        self.steps([(record, None)])

    def steps(self, records: Sequence[tuple[StepRecord | PassedOver, StateRecord | None]]) -> None:
        """Adds steps that follow each other, each with the state after it where that was recorded."""
        steps, passed_over, states = [], [], []
        with self._lock:
            for step, state in records:
                if isinstance(step, PassedOver):
                    passed_over.append(self._passed_over_row(step))
                    self._steps_since += step.number
                    continue
                steps.append(self._step_row(step))
                self._steps_since += 1
                if state is not None:
                    states.append(self._state_row(state))
            # Together: no reader sees a step without what was passed over before it.
            self._execute_all((_INSERT_STEP, steps), (_INSERT_PASSED_OVER, passed_over), (_INSERT_STATE, states))
            if self._steps_since >= _COMMIT_STEPS:
                self.flush()

    def _step_row(self, record: StepRecord) -> tuple[Any, ...]:
        logs = json.dumps(dict(record.logs))
        generators, moved = self._generators(record.generators, record.generators_after)
        return (
            record.index,
            record.training,
            record.epoch,
            record.step,
            record.batch,
            record.head,
            record.num_rows,
            record.indices,
            record.rows,
            logs,
            generators,
            record.chain,
            self._whole.chained(record.training, record.batch or b"", logs.encode(), moved),
        )

    def _passed_over_row(self, record: PassedOver) -> tuple[Any, ...]:
        place = record.index, record.number, record.training, record.epoch, record.step
        return *place, record.chain, self._whole.chain(record.training)

    def _generators(self, before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[int, bytes]:
        """Returns the number of the record that holds the generators around a step, and what moved, as JSON."""
        if not before and not after:
            # A step of which the loss alone was read stands between others, which would be written anew after each.
            if self._nowhere < 0:
                self._nowhere = self._next_generators({})
            return self._nowhere, b"{}"
        if self._around is None or before != self._around[1] or after != self._around[2]:
            pairs = {n: [_hex(before.get(n)), _hex(after.get(n))] for n in sorted({*before, *after})}
            moved = json.dumps({name: pair for name, pair in pairs.items() if pair[0] != pair[1]}).encode()
            self._around = (self._next_generators(pairs), before, after, moved)
        return self._around[0], self._around[3]

    def _next_generators(self, pairs: Mapping[str, Sequence[str | None]]) -> int:
        self._generators_number += 1
        self._execute("INSERT INTO generators VALUES (?, ?)", self._generators_number, json.dumps(pairs))
        return self._generators_number

    def state(self, record: StateRecord) -> None:
        """Adds the digests of all variables at a moment."""
        with self._lock:
            self._execute(_INSERT_STATE, *self._state_row(record))

    def _state_row(self, record: StateRecord) -> tuple[Any, ...]:
        is_final = record.moment == "final"
        if record.moment != "end" and not is_final:
            # What happens after the last step is no part of any.
            self._whole.state(record)
        place = place_of_final(record.training) if is_final else place_of(record.step, record.moment)
        number = self._states
        self._states += record.moment == "after"
        return place, record.training, record.layout, number, record.digests

    def event(self, event: Event) -> None:
        """Adds or replaces an entry of the ledger."""
        self._execute("INSERT OR REPLACE INTO events VALUES (?, ?)", event.id, to_json(event))

    def generator_states(self, point: str, states: Mapping[str, bytes]) -> None:
        """Adds full generator states at a moment."""
        for generator, state in states.items():
            self._execute("INSERT OR REPLACE INTO generator_states VALUES (?, ?, ?)", point, generator, state)

    def arrays(self, name: str, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Writes arrays to `arrays/<name>.safetensors`, whole or not at all."""
        # Not `ascontiguousarray`, which would make a scalar (a learning rate) an array of shape (1,).
        data = save({key: np.asarray(value, order="C") for key, value in arrays.items()})
        self._replace(self.path / "arrays" / f"{name}.safetensors", data)

    def inside(self, name: str, step: InsideStep, arrays: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Writes what a step looks like from inside: `inside-<name>.json` and its arrays."""
        self.arrays(f"inside-{name}", arrays)
        self._replace(self.path / f"inside-{name}.json", to_json(step).encode())

    def warning(self, slug: str, message: str) -> None:
        """Adds something that the recorder could not do."""
        self._execute("INSERT INTO warnings VALUES (?, ?)", slug, message)

    def update_manifest(self, values: Mapping[str, Any]) -> None:
        """Adds to the manifest and writes it."""
        with self._lock:
            self._manifest.update(values)
            self._write_manifest()

    def flush(self) -> None:
        """Makes everything so far visible to readers and safe against a kill."""
        with self._lock:
            # SQLite ends a transaction by itself if the disk is full.
            if self._database.in_transaction:
                self._database.execute("COMMIT")
            self._committed = time.monotonic()
            self._steps_since = 0

    def close(self, status: str, exit_status: int | None = None) -> None:
        """Ends the run with a status: "complete", "failed" or "stopped"."""
        if status not in _STATUSES:
            raise ValueError(f"status is {status!r}; it must be one of {', '.join(_STATUSES)}.")
        with self._lock:
            try:
                self._meta("status", status)
                self._meta("exit_status", exit_status)
                self.flush()
            finally:
                self._release()

    def abandon(self) -> None:
        """Leaves the run to the process that this one was forked from.

        SQLite forbids a forked process to use its parent's connection, and even to close it: the two share the index of
        the journal. Python closes what nobody holds any more; so this one is held for good.
        """
        self._release.detach()
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._database))

    def _meta(self, key: str, value: Any) -> None:
        self._execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", key, json.dumps(value))

    def _execute(self, statement: str, *values: Any) -> None:
        self._execute_all((statement, [values]))

    def _execute_all(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        """Executes each statement with all of its rows, in one transaction."""
        with self._lock:
            if not self._database.in_transaction:
                self._database.execute("BEGIN")
            for statement, rows in statements:
                if rows:
                    self._database.executemany(statement, rows)
            if time.monotonic() - self._committed > _COMMIT_SECONDS:
                self.flush()

    def _write_manifest(self) -> None:
        text = json.dumps(self._manifest, indent=1, sort_keys=True, default=str)
        self._replace(self.path / "manifest.json", text.encode())

    def _replace(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(path.name + ".part")
        temporary.write_bytes(data)
        os.replace(temporary, path)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def correct_exit_status(path: Path, exit_status: int) -> None:
    """Writes how a recorded process ended, by the one who saw it end.

    From inside, a `SystemExit` that is raised, rather than `sys.exit` called, looks like the end of the script.

    Args:
        path: The run directory, which nobody writes any more.
        exit_status: Above 0: the script failed.
    """
    with contextlib.closing(sqlite3.connect(path / "run.sqlite")) as database, database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'exit_status'", (json.dumps(exit_status),))
        complete, failed = json.dumps("complete"), json.dumps("failed")
        database.execute("UPDATE meta SET value = ? WHERE key = 'status' AND value = ?", (failed, complete))
