"""Reading a run directory; needs neither Keras nor a framework."""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from samefit.errors import RunError, SelectionError
from samefit.store.alive import is_alive
from samefit.store.arrays import load_arrays
from samefit.store.codec import build, from_json
from samefit.store.inside import InsideStep
from samefit.store.manifest import read_manifest
from samefit.store.places import Places
from samefit.store.records import Event, ModelRecord, StateRecord, StepRecord, TrainingRecord, VariableRecord, Warning
from samefit.store.schema import MOMENTS, SCHEMA_VERSION, place_of, place_of_final
from samefit.store.stored_steps import StepTexts, StoredSteps

_T = TypeVar("_T")


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
        self.manifest: Mapping[str, Any] = read_manifest(self.path)
        self._database = self._connect()
        # Python warns of a database that nobody closed, from 3.13 on; a comparison holds its runs as long as it lives.
        self._close = weakref.finalize(self, self._database.close)
        self._check()

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Opens the run at `path`; see the class."""
        return cls(path)

    def close(self) -> None:
        """Closes the database, as the end of this reader does."""
        self._close()

    def hold(self) -> None:
        """Lets this reader see the run as it is now, whatever its writer adds; for a run that is being written."""
        self._database.execute("BEGIN")

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
        # Read-only: comparing changes nothing, and a run that is still being written can be read.
        address = f"{file.resolve().as_uri()}?mode=ro"
        if not file.with_name("run.sqlite-wal").exists():
            # A writer has its log beside the file for as long as it lives. Without one nobody writes, and SQLite need
            # not make its shared memory there, which it could not do for a run on a read-only disk.
            address += "&immutable=1"
        return sqlite3.connect(address, uri=True, check_same_thread=False)

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

    def _stream(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yields rows without holding all of them."""
        try:
            yield from self._database.execute(query, values)
        except sqlite3.DatabaseError as error:
            raise RunError(f"{self.path} is damaged: {error}.") from error

    def _record(self, cls: type[_T], text: str) -> _T:
        try:
            return from_json(cls, text)
        except (TypeError, ValueError, KeyError) as error:
            raise RunError(f"{self.path} is damaged: a {cls.__name__} cannot be read ({error}).") from error

    @property
    def _meta(self) -> dict[str, Any]:
        return {k: json.loads(v) for k, v in self._database.execute("SELECT key, value FROM meta")}

    @property
    def status(self) -> str:
        """How the run ended: "complete", "failed", "stopped" or "killed"; "running" while its process lives.

        It is read anew each time.
        """
        # Whether the process lives is asked first: it may end a run between two questions, but never begin one.
        alive = is_alive(self.manifest)
        status = str(self._value("status"))
        if status != "running":
            return status
        return "running" if alive else "killed"

    def unseen_updates(self, side: str | None = None) -> int:
        """Returns how many updates optimizers made outside of all that was recorded.

        A compiled loop counts once, when it is traced; a loop without a Keras optimizer is not noticed.

        Args:
            side: Counts those of one side of a same-process run; None counts all.
        """
        found: dict[str, int] = self.manifest.get("unseen_updates") or {}
        return sum(found.values()) if side is None else found.get(side, 0)

    @property
    def exit_status(self) -> int | None:
        """Exit status of the script, if it is known."""
        value = self._value("exit_status")
        return None if value is None else int(value)

    def _value(self, key: str) -> Any:
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return json.loads(rows[0][0]) if rows else None

    @cached_property
    def warnings(self) -> tuple[Warning, ...]:
        """What the recorder could not do."""
        return tuple(Warning(slug, message) for slug, message in self._rows("SELECT slug, message FROM warnings"))

    @cached_property
    def models(self) -> dict[int, ModelRecord]:
        """The models that were trained, by number."""
        rows = self._rows("SELECT id, record FROM models ORDER BY id")
        return {number: self._record(ModelRecord, text) for number, text in rows}

    @cached_property
    def trainings(self) -> tuple[TrainingRecord, ...]:
        """The trainings, in order."""
        rows = self._rows("SELECT record FROM trainings ORDER BY number")
        return tuple(self._record(TrainingRecord, text) for (text,) in rows)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The ledger of draws, in order."""
        return tuple(self._record(Event, text) for (text,) in self._rows("SELECT record FROM events ORDER BY id"))

    @cached_property
    def layouts(self) -> dict[int, tuple[VariableRecord, ...]]:
        """The variables behind the digests, by number of the layout."""
        rows = self._rows("SELECT number, record FROM layouts")
        try:
            return {number: tuple(build(VariableRecord, item) for item in json.loads(text)) for number, text in rows}
        except (TypeError, ValueError, KeyError) as error:
            raise RunError(f"{self.path} is damaged: a layout cannot be read ({error}).") from error

    def training(self, number: int) -> TrainingRecord:
        """Returns one training.

        Raises:
            SelectionError: If there is no training of that number.
        """
        for training in self.trainings:
            if training.number == number:
                return training
        raise SelectionError(f"run {self.path} holds {_listed(self.trainings)}; #{number} was asked for.")

    @cached_property
    def _stored(self) -> StoredSteps:
        return StoredSteps(self._rows, self._stream)

    def steps(self, trainings: Iterable[int] | None = None) -> tuple[StepRecord, ...]:
        """Returns the steps of some trainings (all by default), in the order in which they ran."""
        wanted = None if trainings is None else set(trainings)
        return tuple(step for step in self._stored.all if wanted is None or step.training in wanted)

    def places(self, trainings: Iterable[int] | None = None, *, in_turn: bool = False) -> Places:
        """Returns where the steps of some trainings (all by default) stand, in run order, without reading the steps.

        Args:
            trainings: Their numbers.
            in_turn: Whether they come one after the other instead, in the order of `trainings`.
        """
        ranks = None if trainings is None else {number: rank for rank, number in enumerate(trainings)}
        wanted = [stretch for stretch in self._stored.stretches if ranks is None or stretch[0] in ranks]
        if in_turn and ranks is not None:
            wanted.sort(key=lambda stretch: ranks[stretch[0]])
        return Places(wanted)

    def step(self, index: int) -> StepRecord:
        """Returns the step of index `index`, without reading the others.

        Raises:
            SelectionError: If there is no such step.
        """
        step = self._stored.at(index)
        if step is None:
            raise SelectionError(f"run {self.path} holds no step of index {index}.")
        return step

    def step_texts(self, trainings: Iterable[int], begin: int = 0) -> Iterator[StepTexts]:
        """Returns (batch, logs, generators, step in the epoch) of the steps of some trainings as stored, in run order.

        Two runs can be held against each other in this form several times faster than as records.

        Args:
            trainings: Their numbers.
            begin: Index of the step to begin with.
        """
        wanted = set(trainings)
        return (texts for training, texts in self._stored.texts(begin) if training in wanted)

    def state_digests(self, trainings: Iterable[int], begin: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yields (index of the step, digests) of the states after the steps of some trainings, from `begin` on."""
        wanted = set(trainings)
        query = "SELECT training, place, digests FROM states WHERE place >= ? AND place % 3 = 1 ORDER BY place"
        for training, place, digests in self._stream(query, (place_of(begin, "begin"),)):
            if training in wanted:
                yield place // len(MOMENTS), digests

    def has_state(self, step: int) -> bool:
        """Whether the state after the step of index `step` was recorded."""
        return bool(self._rows("SELECT 1 FROM states WHERE place = ?", (place_of(step, "after"),)))

    def has_begin(self, step: int) -> bool:
        """Whether the state before the step of index `step` was recorded: its training or an epoch begins there."""
        return bool(self._rows("SELECT 1 FROM states WHERE place = ?", (place_of(step, "begin"),)))

    def all_have_states(self, begin: int, end: int) -> bool:
        """Whether the state was recorded after every step of index `begin` to `end` (exclusive); by two look-ups."""
        if begin >= end:
            return True
        query = "SELECT number FROM states WHERE place = ?"
        first, last = (self._rows(query, (place_of(step, "after"),)) for step in (begin, end - 1))
        return bool(first and last and last[0][0] - first[0][0] + 1 == end - begin)

    def steps_with_state(self) -> list[int]:
        """Returns the indices of the steps after which the state was recorded, in run order."""
        rows = self._rows("SELECT place FROM states WHERE place % 3 = 1 ORDER BY place")
        return [place // len(MOMENTS) for (place,) in rows]

    def steps_without_batch(self) -> list[int]:
        """Returns the indices of the steps whose batch was not seen or not read, in run order."""
        return self._stored.without("batch IS NULL")

    def steps_without_loss(self) -> list[int]:
        """Returns the indices of the steps that returned no loss, or of which none was read, in run order."""
        return self._stored.without("instr(logs, '\"loss\"') = 0")

    def step_indices(self, trainings: Iterable[int] | None = None) -> Sequence[int]:
        """Returns `StepRecord.index` of the steps of some trainings, in run order, without reading the steps."""
        return self.places(trainings)

    def num_steps(self, trainings: Iterable[int] | None = None) -> int:
        """Returns how many steps some trainings (all by default) have, without reading the steps."""
        wanted = None if trainings is None else set(trainings)
        return sum(count for training, count in self._stored.numbers().items() if wanted is None or training in wanted)

    def chains(self, step: int) -> tuple[bytes, bytes]:
        """Returns `chain` and `whole` (see the schema) of the step of index `step`, without reading anything else."""
        return self._stored.chains(step)

    def last_step(self) -> int:
        """Returns the index of the last step so far, -1 if there is none; cheap, and read anew each time."""
        return self._stored.last()

    def _state(self, step: int, moment: str) -> StateRecord | None:
        query = "SELECT training, layout, digests FROM states WHERE place = ?"
        rows = self._rows(query, (place_of(step, moment),))
        return StateRecord(step, rows[0][0], moment, *rows[0][1:]) if rows else None

    def begin_state(self, training: int) -> StateRecord | None:
        """Returns the state before the first step of a training."""
        bounds = self._stored.bounds(training)
        return None if bounds is None else self._state(bounds[0], "begin")

    def end_state(self, training: int) -> StateRecord | None:
        """Returns the state when a training had ended, callbacks at the end of its last epoch included."""
        bounds = self._stored.bounds(training)
        return None if bounds is None else self._state(bounds[1], "end")

    def final_state(self, training: int) -> StateRecord | None:
        """Returns the state with which the `fit` of a training returned: callbacks may have changed it."""
        query = "SELECT layout, digests FROM states WHERE place = ?"
        rows, bounds = self._rows(query, (place_of_final(training),)), self._stored.bounds(training)
        return StateRecord(bounds[1], training, "final", *rows[0]) if rows and bounds is not None else None

    def state_after(self, step: int) -> StateRecord | None:
        """Returns the state after the step of index `step`; None where it was not recorded."""
        return self._state(step, "after")

    def state_before(self, step: int) -> StateRecord | None:
        """Returns the state before the step of index `step`: as recorded there, or after the step before it."""
        previous = self._stored.before(step)
        begin = self._state(step, "begin")
        return begin if begin is not None or previous is None else self.state_after(previous)

    def generator_states(self, point: str) -> dict[str, bytes]:
        """Returns the full generator states at a moment, such as "training:2"."""
        return dict(self._rows("SELECT generator, state FROM generator_states WHERE point = ?", (point,)))

    def arrays(self, name: str) -> dict[str, np.ndarray[Any, Any]] | None:
        """Returns arrays of the run, such as "initial-1", by variable path; None if there are none of that name."""
        file = self.path / "arrays" / f"{name}.safetensors"
        return load_arrays(file) if file.exists() else None

    def inside(self, name: int | str) -> InsideStep | None:
        """Returns what a step looks like from inside, by its index or the name of a look; None if unseen."""
        file = self.path / f"inside-{name}.json"
        return from_json(InsideStep, file.read_text()) if file.exists() else None


def _listed(trainings: Sequence[TrainingRecord]) -> str:
    numbers = [f"#{training.number}" for training in trainings]
    if len(numbers) < 2:
        return f"training {numbers[0]} only" if numbers else "no training"
    return f"trainings {', '.join(numbers[:-1])} and {numbers[-1]}"
