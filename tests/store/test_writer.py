"""What a run looks like while it is written, and when something goes wrong."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from samefit.store.reader import Run
from samefit.store.records import Event, StateRecord, StepRecord, VariableRecord
from samefit.store.writer import RunWriter
from samefit.types import Role

STEP = StepRecord(0, 1, 2, 3, b"b" * 16, b"r" * 8, 32, {"loss": 0.5}, {"numpy": b"n" * 16}, {"numpy": b"m" * 16})
EVENT = Event(0, "draw", "numpy", "numpy.random.rand")


def test_steps_that_are_written_together_are_the_same_as_one_by_one(tmp_path: Path) -> None:
    """The states between them too, of which the chains hold what moved."""
    seed = VariableRecord(Role.SEED, "dropout/seed", (2,), "uint32")
    steps = [replace(STEP, index=index) for index in range(4)]
    states = [StateRecord(index, 1, "after", 0, bytes([index]) * 16) for index in range(4)]
    pairs = [(step, None if step.index == 2 else state) for step, state in zip(steps, states, strict=True)]

    def rows(name: str, parts: list[list[tuple[StepRecord, StateRecord | None]]]) -> list[list[tuple[object, ...]]]:
        writer = RunWriter(tmp_path / name, {})
        writer.layout((seed,))
        for part in parts:
            writer.steps(part)
        writer.close("complete")
        with contextlib.closing(sqlite3.connect(tmp_path / name / "run.sqlite")) as database:
            return [database.execute(f"SELECT * FROM {table}").fetchall() for table in ("steps", "states")]

    together, apart = rows("together", [pairs]), rows("apart", [[pair] for pair in pairs])
    assert together == apart
    assert [len(table) for table in together] == [4, 3]
    assert len({row[-1] for row in together[0]}) == 4


def test_a_watcher_sees_steps_as_they_are_committed(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r", {})
    watcher = Run.open(tmp_path / "r")
    writer.step(STEP)
    assert watcher.last_step() == -1
    writer.flush()
    assert watcher.last_step() == 0
    for index in range(1, 1 + 256):
        writer.step(replace(STEP, index=index))
    assert watcher.last_step() == 256  # without a flush: 256 steps commit by themselves
    writer.close("failed", 3)
    assert watcher.status == "failed"
    assert watcher.exit_status == 3


def test_threads_may_write_at_once(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r", {})

    def work(first: int) -> None:
        for index in range(first, first + 100):
            writer.event(replace(EVENT, id=index))
            writer.step(replace(STEP, index=index))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 400, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close("complete")
    run = Run.open(tmp_path / "r")
    assert len(run.events) == run.num_steps() == 400


def test_a_run_ends_with_a_known_status_only(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r", {})
    with pytest.raises(ValueError, match="status is 'done'; it must be one of complete, failed, stopped"):
        writer.close("done")
    writer.close("complete")


def test_the_writer_raises_what_goes_wrong(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r", {})
    writer.step(STEP)
    with pytest.raises(sqlite3.IntegrityError):
        writer.step(STEP)
    writer.close("complete")
    with pytest.raises(sqlite3.ProgrammingError):
        writer.event(EVENT)


def test_the_manifest_is_never_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter(tmp_path / "r", {"a": 1})

    def full_disk(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="disk full"):
        writer.update_manifest({"b": 2})
    assert json.loads((tmp_path / "r" / "manifest.json").read_text())["a"] == 1
    monkeypatch.undo()
    writer.close("complete")


def test_steps_of_which_nothing_was_read_share_a_record_of_generators(tmp_path: Path) -> None:
    unread = replace(STEP, batch=None, rows=None, num_rows=None, logs={}, generators={}, generators_after={})
    writer = RunWriter(tmp_path / "r", {})
    for index in range(6):
        writer.step(replace(STEP if index % 3 == 0 else unread, index=index))
    writer.close("complete")
    with contextlib.closing(sqlite3.connect(tmp_path / "r" / "run.sqlite")) as database:
        assert database.execute("SELECT count(*) FROM generators").fetchone() == (2,)
    with Run.open(tmp_path / "r") as run:
        assert [step.generators for step in run.steps()] == [STEP.generators, {}, {}] * 2
        assert [step.is_passed_over for step in run.steps()] == [False, True, True] * 2
