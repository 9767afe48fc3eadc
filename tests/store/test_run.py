from __future__ import annotations

import math
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.handmade import Change, Training, make_run

from samefit.errors import RunError, SelectionError
from samefit.store.reader import Run
from samefit.store.records import (
    CallRecord,
    Event,
    LayerRecord,
    ModelRecord,
    Origin,
    StateRecord,
    StepRecord,
    TrainingRecord,
    VariableRecord,
)
from samefit.store.schema import SCHEMA_VERSION
from samefit.store.writer import RunWriter
from samefit.types import Build, Location, Role

PLACE = Location("train.py", 41, "model.fit(x, y)")
MODEL = ModelRecord(
    1,
    "m",
    "Net",
    Build.SUBCLASSED,
    (LayerRecord("Dense", "dense", {"units": 3, "seed": None}, location=PLACE),),
    (CallRecord("layer", "Dense", 0, ((None, 3), (2,)), True, mask_out=True), CallRecord("op", "Add", None)),
)
TRAINING = TrainingRecord(
    1, "a", 1, "fit", {"batch_size": 32}, {"loss": "mse"}, 4, "running", PLACE, {"loss": math.inf, "mae": 0.1}
)
VARIABLES = (
    VariableRecord(
        Role.TRAINABLE,
        "dense/kernel",
        (4, 3),
        "float32",
        0,
        0,
        origin=Origin("GlorotUniform", {"seed": 3}, 7, 3, True, digest=b"\1" * 16, assigned_location=PLACE),
    ),
    VariableRecord(Role.OPTIMIZER, "sgd/iteration", (), "int64", slot="iteration"),
)
STEP = StepRecord(
    0,
    1,
    2,
    3,
    b"b" * 16,
    b"r" * 8,
    32,
    {"loss": math.nan, "mae": -0.0},
    {"numpy": b"n" * 16, "torch": b"t" * 16},
    {"numpy": b"m" * 16},
    b"i" * 16,
    b"c" * 16,
)
EVENT = Event(0, "draw", "numpy", "numpy.random.rand", 3, 2, [1, 2.5], "shuffle", "fit", PLACE, 1, "a", 0, b"s" * 16, 9)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    writer = RunWriter(tmp_path / "x.run", {"target": "train.py"})
    writer.model(MODEL)
    writer.training(TRAINING)
    assert writer.layout(VARIABLES) == 0
    writer.state(StateRecord(0, 1, "begin", 0, b"0" * 32))
    writer.step(STEP)
    writer.state(StateRecord(0, 1, "after", 0, b"1" * 32))
    writer.event(EVENT)
    writer.generator_states("training:1", {"python": b"\0\xff", "numpy": b""})
    writer.warning("batch-unseen", "two\nlines")
    writer.update_manifest({"backend": "jax"})
    writer.close("complete", 0)
    return tmp_path / "x.run"


def test_every_record_comes_back_as_it_was(written: Path) -> None:
    with Run.open(written) as run:
        assert run.models == {1: MODEL}
        assert run.trainings == (TRAINING,)
        assert run.training(1).location == PLACE
        assert run.layouts == {0: VARIABLES}
        (step,) = run.steps()
        assert math.isnan(step.logs["loss"])
        assert math.copysign(1, step.logs["mae"]) == -1
        assert replace(step, logs={}) == replace(STEP, logs={})
        assert run.events == (EVENT,)
        assert run.begin_state(1) == run.state_before(0) == StateRecord(0, 1, "begin", 0, b"0" * 32)
        assert run.state_after(0) == StateRecord(0, 1, "after", 0, b"1" * 32)
        assert run.state_after(1) is None
        assert run.generator_states("training:1") == {"python": b"\0\xff", "numpy": b""}
        assert run.generator_states("training:2") == {}
        assert [(w.slug, w.message) for w in run.warnings] == [("batch-unseen", "two\nlines")]
        assert (run.status, run.exit_status) == ("complete", 0)
        assert run.manifest["target"] == "train.py"
        assert run.manifest["backend"] == "jax"


def test_records_are_replaced_by_their_number_and_layouts_are_kept_once(tmp_path: Path) -> None:
    writer = RunWriter(tmp_path / "r", {})
    for status in ("running", "complete"):
        writer.training(replace(TRAINING, status=status))
    for count in (1, 5):
        writer.event(replace(EVENT, count=count))
    other = (replace(VARIABLES[0], path="x"),)
    assert [writer.layout(v) for v in (VARIABLES, other, VARIABLES)] == [0, 1, 0]
    writer.close("stopped")
    run = Run.open(tmp_path / "r")
    assert [t.status for t in run.trainings] == ["complete"]
    assert [e.count for e in run.events] == [5]
    assert run.status == "stopped"


def test_arrays_keep_shape_and_dtype(tmp_path: Path) -> None:
    arrays = {
        "m/kernel:0": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
        "iteration": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 3)),
        "mask": np.array([True, False]),
    }
    writer = RunWriter(tmp_path / "r", {})
    writer.arrays("initial-1", arrays)
    writer.close("complete")
    run = Run.open(tmp_path / "r")
    back = run.arrays("initial-1")
    assert back is not None
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape
        assert np.array_equal(back[name], array)
    assert run.arrays("final-1") is None
    assert not list((tmp_path / "r").rglob("*.part"))


def test_arrays_take_bfloat16(tmp_path: Path) -> None:
    types = pytest.importorskip("ml_dtypes")
    writer = RunWriter(tmp_path / "r", {})
    writer.arrays("x", {"w": np.arange(4).astype(types.bfloat16)})
    writer.close("complete")
    back = Run.open(tmp_path / "r").arrays("x")
    assert back is not None
    assert np.array_equal(back["w"].astype(np.float32), np.arange(4))


def test_steps_are_read_by_training_and_in_order(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", trainings=[Training((2, 1)), Training((2,), model=2), Training((1,))])
    assert [s.index for s in run.steps()] == list(range(6))
    assert [(s.training, s.epoch, s.step) for s in run.steps([3, 1])] == [(1, 0, 0), (1, 0, 1), (1, 1, 0), (3, 0, 0)]
    assert run.num_steps() == 6
    assert run.num_steps([3, 1]) == 4
    assert tuple(run.step_indices([2])) == (3, 4)
    assert run.chains(4)[0] == run.steps()[4].chain
    assert run.last_step() == 5
    assert run.state_before(3) == run.begin_state(2)
    assert run.state_before(4) == run.state_after(3)
    # The step before the third training's first belongs to another training.
    assert run.state_before(5) == run.begin_state(3)


def test_what_was_changed_before_a_step_is_the_state_before_it(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", changes=[Change("between", 4, "dense/kernel")])
    assert (run.has_begin(4), run.has_begin(5)) == (True, False)
    before, after = run.state_before(4), run.state_after(3)
    assert before is not None
    assert after is not None
    assert (before.moment, before.step) == ("begin", 4)
    assert before.digests != after.digests
    # It is not what the training began with.
    assert run.begin_state(1) == run.state_before(0)


def test_a_training_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", trainings=[Training((1,)), Training((1,))])
    with pytest.raises(SelectionError, match=r"r holds trainings #1 and #2; #3 was asked for\."):
        run.training(3)
    single = make_run(tmp_path / "s", trainings=[Training((1,))])
    with pytest.raises(SelectionError, match=r"holds training #1 only; #2 was asked for"):
        single.training(2)
    nothing = make_run(tmp_path / "t", trainings=[])
    with pytest.raises(SelectionError, match="holds no training; #1"):
        nothing.training(1)
    assert nothing.last_step() == -1


@pytest.mark.parametrize("content", ["file", "directory"])
def test_a_run_needs_a_directory_of_its_own(tmp_path: Path, content: str) -> None:
    target = tmp_path / "r"
    if content == "file":
        target.write_text("x")
    else:
        target.mkdir()
        (target / "notes.txt").write_text("x")
    with pytest.raises(RunError, match=r"r is (a file|not empty): a run needs a directory of its own\.") as error:
        RunWriter(target, {})
    assert "\n" not in str(error.value)
    assert target.is_file() or [p.name for p in target.iterdir()] == ["notes.txt"]


def _missing(path: Path) -> None:
    for file in sorted(path.rglob("*"), reverse=True):
        file.unlink() if file.is_file() else file.rmdir()
    path.rmdir()


def _cut_database(path: Path) -> None:
    data = (path / "run.sqlite").read_bytes()
    (path / "run.sqlite").write_bytes(data[: len(data) // 2])


def _other_version(path: Path) -> None:
    database = sqlite3.connect(path / "run.sqlite")
    database.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_missing, r"There is no run at .*x\.run\."),
        (lambda p: (p / "manifest.json").unlink(), r"is not a run: it has no manifest\.json\."),
        (lambda p: (p / "manifest.json").write_text('{"a": '), r"is damaged: manifest\.json cannot be read"),
        (lambda p: (p / "manifest.json").write_text("[]"), r"is damaged: manifest\.json holds no object\."),
        (lambda p: (p / "run.sqlite").unlink(), r"is not a whole run: run\.sqlite is missing\."),
        (lambda p: (p / "run.sqlite").write_text("no database" * 99), r"is damaged: "),
        (_cut_database, r"is damaged: "),
        (_other_version, rf"has schema version 99; this samefit reads version {SCHEMA_VERSION}\."),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(written: Path, damage: object, message: str) -> None:
    damage(written)  # type: ignore[operator]
    with pytest.raises(RunError, match=message) as error:  # noqa: PT012  (damage may show only when a table is read)
        run = Run.open(written)
        assert run.trainings
        assert run.steps()
        assert run.events
    assert "\n" not in str(error.value)


def test_a_record_with_an_unknown_field_is_damage_and_not_a_crash(written: Path) -> None:
    database = sqlite3.connect(written / "run.sqlite")
    database.execute("""UPDATE events SET record = '{"id": 0, "kind": "x", "tomorrow": 1}'""")
    database.commit()
    database.close()
    with pytest.raises(RunError, match="is damaged: a Event cannot be read"):
        assert Run.open(written).events


def test_damaged_arrays_are_named(written: Path) -> None:
    (written / "arrays" / "final-1.safetensors").write_bytes(b"x" * 20)
    with pytest.raises(RunError, match=r"final-1\.safetensors is damaged"):
        Run.open(written).arrays("final-1")


KILLED = """
import os, signal, sys
from samefit.store.writer import RunWriter
from tests.handmade import make_run
make_run(sys.argv[1], status="running")
print("written", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_leaves_a_readable_run(tmp_path: Path) -> None:
    path = tmp_path / "r"
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        watching = Run.open(path)
        assert watching.status == "running"
        assert watching.last_step() == 7
        process.send_signal(signal.SIGKILL)
        # Not waited for: what is left of the process is a zombie, which is not a process that writes.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert watching.status == "killed"
        watching.close()
        process.wait()
    with Run.open(path) as run:
        assert run.status == "killed"
        assert run.num_steps() == 8


def test_another_machine_or_a_later_process_of_that_number_is_not_the_writer(tmp_path: Path) -> None:
    assert make_run(tmp_path / "here", status="running").status == "running"
    assert make_run(tmp_path / "there", status="running", manifest={"host": "elsewhere"}).status == "killed"
    assert make_run(tmp_path / "none", status="running", manifest={"pid": 0}).status == "killed"
    if Path("/proc/self/stat").exists():
        assert make_run(tmp_path / "later", status="running", manifest={"process_started": 1}).status == "killed"


def test_reading_leaves_the_directory_as_it_is(written: Path) -> None:
    def state() -> dict[str, tuple[int, int]]:
        return {p.name: (p.stat().st_size, p.stat().st_mtime_ns) for p in written.rglob("*")}

    before = state()
    with Run.open(written) as run:
        assert run.steps()
        assert state() == before
    assert state() == before
