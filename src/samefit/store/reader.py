"""Reading a run directory; needs neither Keras nor a framework."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from samefit.errors import RunError, SelectionError
from samefit.store.codec import build, from_json
from samefit.store.records import Event, ModelRecord, StateRecord, StepRecord, TrainingRecord, VariableRecord
from samefit.store.schema import SCHEMA_VERSION


@dataclass(frozen=True)
class Warning:
    """Something that the recorder could not do."""

    slug: str
    message: str


class Run:
    """One recorded execution of a script.

    Args:
        path: The run directory.

    Raises:
        RunError: If there is no readable run at `path`.

    Example:
        >>> run = Run.open("baseline.run")
        >>> run.trainings[0].status
        'complete'
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest: Mapping[str, Any] = _manifest(self.path)
        self._database = self._connect()
        self._check()

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Opens the run at `path`; see the class."""
        return cls(path)

    def close(self) -> None:
        """Closes the database."""
        self._database.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.status}, {len(self.trainings)} trainings)"

    def _connect(self) -> sqlite3.Connection:
        file = self.path / "run.sqlite"
        if not file.exists():
            raise RunError(f"{self.path} is not a whole run: run.sqlite is missing.")
        return sqlite3.connect(f"file:{file}?mode=rw", uri=True, check_same_thread=False)

    def _check(self) -> None:
        try:
            version = self._meta.get("schema_version")
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.path} is damaged: run.sqlite cannot be read ({error}).") from error
        if version != SCHEMA_VERSION:
            raise RunError(f"{self.path} has schema version {version}; this samefit reads version {SCHEMA_VERSION}.")

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.path} is damaged: {error}.") from error

    @cached_property
    def _meta(self) -> dict[str, Any]:
        return {k: json.loads(v) for k, v in self._database.execute("SELECT key, value FROM meta")}

    @property
    def status(self) -> str:
        """ "complete", "failed", "stopped", "running" (its process is alive) or "killed"."""
        status = str(self._meta.get("status"))
        if status != "running":
            return status
        return "running" if _is_alive(self.manifest.get("pid")) else "killed"

    @cached_property
    def warnings(self) -> tuple[Warning, ...]:
        """What the recorder could not do."""
        return tuple(Warning(slug, message) for slug, message in self._rows("SELECT slug, message FROM warnings"))

    @cached_property
    def models(self) -> dict[int, ModelRecord]:
        """The models that were trained, by number."""
        return {i: from_json(ModelRecord, text) for i, text in self._rows("SELECT id, record FROM models ORDER BY id")}

    @cached_property
    def trainings(self) -> tuple[TrainingRecord, ...]:
        """The trainings, in order."""
        rows = self._rows("SELECT record FROM trainings ORDER BY number")
        return tuple(from_json(TrainingRecord, text) for (text,) in rows)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The ledger of draws, in order."""
        return tuple(from_json(Event, text) for (text,) in self._rows("SELECT record FROM events ORDER BY id"))

    @cached_property
    def layouts(self) -> dict[int, tuple[VariableRecord, ...]]:
        """The variables behind the digests, by number of the layout."""
        rows = self._rows("SELECT number, record FROM layouts")
        return {number: tuple(build(VariableRecord, item) for item in json.loads(text)) for number, text in rows}

    def training(self, number: int) -> TrainingRecord:
        """Returns one training.

        Raises:
            SelectionError: If there is no training of that number.
        """
        for training in self.trainings:
            if training.number == number:
                return training
        have = ", ".join(f"#{t.number}" for t in self.trainings) or "none"
        raise SelectionError(f"Training #{number} was asked for; the run {self.path} holds: {have}.")

    @cached_property
    def _steps(self) -> tuple[StepRecord, ...]:
        return tuple(_step(row) for row in self._rows("SELECT * FROM steps ORDER BY step"))

    def steps(self, trainings: Iterable[int] | None = None) -> tuple[StepRecord, ...]:
        """Returns the steps of some trainings (all by default), in the order in which they ran."""
        wanted = None if trainings is None else set(trainings)
        return tuple(step for step in self._steps if wanted is None or step.training in wanted)

    @cached_property
    def _states(self) -> dict[tuple[int, str], StateRecord]:
        rows = self._rows("SELECT step, training, moment, layout, digests FROM states")
        return {(row[0], row[2]): StateRecord(*row) for row in rows}

    def begin_state(self, training: int) -> StateRecord | None:
        """Returns the state before the first step of a training."""
        return next((s for (_, moment), s in self._states.items() if moment == "begin" and s.training == training), None)

    def state_after(self, step: int) -> StateRecord | None:
        """Returns the state after the step of index `step`."""
        return self._states.get((step, "after"))

    @cached_property
    def _previous(self) -> dict[int, int]:
        last: dict[int, int] = {}
        previous = {}
        for step in self._steps:
            if step.training in last:
                previous[step.index] = last[step.training]
            last[step.training] = step.index
        return previous

    def state_before(self, step: int) -> StateRecord | None:
        """Returns the state before the step of index `step`: its training's begin, or after the step before it."""
        previous = self._previous.get(step)
        return self._states.get((step, "begin")) if previous is None else self.state_after(previous)

    def generator_states(self, point: str) -> dict[str, bytes]:
        """Returns the full generator states at a moment, such as "training:2"."""
        return dict(self._rows("SELECT generator, state FROM generator_states WHERE point = ?", (point,)))

    def arrays(self, name: str) -> dict[str, np.ndarray[Any, Any]] | None:
        """Returns arrays of the run, such as "initial-1", by variable path; None if there are none of that name."""
        file = self.path / "arrays" / f"{name}.safetensors"
        if not file.exists():
            return None
        try:
            return dict(load_file(file))
        except SafetensorError as error:
            raise RunError(f"{file} is damaged: {error}.") from error


def _step(row: Sequence[Any]) -> StepRecord:
    step, training, epoch, in_epoch, batch, num_rows, rows, logs, generators, chain = row
    pairs = json.loads(generators)
    return StepRecord(
        index=step, training=training, epoch=epoch, step=in_epoch, batch=batch, rows=rows, num_rows=num_rows,
        logs=json.loads(logs), generators={n: bytes.fromhex(p[0]) for n, p in pairs.items()},
        generators_after={n: bytes.fromhex(p[1]) for n, p in pairs.items()}, chain=chain,
    )


def _manifest(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise RunError(f"There is no run at {path}.")
    file = path / "manifest.json"
    if not file.exists():
        raise RunError(f"{path} is not a run: it has no manifest.json.")
    try:
        manifest: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise RunError(f"{path} is damaged: manifest.json cannot be read ({error}).") from error
    return manifest


def _is_alive(pid: Any) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
