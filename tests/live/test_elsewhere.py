"""Trainings in other processes of a script are in no run; the run says that there were some."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from samefit.cli import main
from samefit.comparison.coverage import trained_elsewhere
from samefit.store.elsewhere import leave_mark, take_marks
from samefit.store.reader import Run

SCRIPT = """
import multiprocessing, subprocess, sys
import numpy

def train(path=None):
    import keras, samefit
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    recorders = [samefit.Recorder(path)] if path else []
    model.fit(numpy.ones((4, 2)), numpy.ones((4, 1)), verbose=0, callbacks=recorders)

if __name__ == "__main__":
    how = sys.argv[1]
    if "early" not in how:
        train()
    if "program" in how:
        for program in ("import train; train.train()", "print('no training')"):
            subprocess.run([sys.executable, "-c", program], check=True)
    else:
        context = multiprocessing.get_context("spawn" if "spawn" in how else "fork")
        child = context.Process(target=train, args=sys.argv[2:])
        child.start()
        child.join()
        assert child.exitcode == 0
"""


@pytest.mark.parametrize("how", ["spawn", "fork early", "program"])
def test_a_training_in_another_process_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], how: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    # What JAX says of a fork of a process that has threads.
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    Path("train.py").write_text(SCRIPT)
    assert main(["run", "-o", "train.run", "train.py", *([how] if " " not in how else [f"'{how}'"])]) == 0
    run = Run.open("train.run")
    assert trained_elsewhere(run) == 1
    assert len(run.trainings) == (0 if "early" in how else 1)
    assert [path.name for path in tmp_path.iterdir() if "elsewhere" in path.name] == []
    assert "recording" not in capfd.readouterr().err


def test_a_process_is_counted_once_and_its_mark_is_taken_away(tmp_path: Path) -> None:
    leave_mark(str(tmp_path / "run"))
    leave_mark(str(tmp_path / "run"))
    assert take_marks(str(tmp_path / "run")) == 1
    assert take_marks(str(tmp_path / "run")) == 0


def test_a_mark_that_cannot_be_left_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run.elsewhere").write_text("a file")
    leave_mark(str(tmp_path / "run"))
    assert "trains unrecorded" in capsys.readouterr().err


def test_a_forked_process_may_record_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    (tmp_path / "train.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "samefit", "run", "-o", "whole.run", "train.py", "'fork early'", "child.run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    child = Run.open(tmp_path / "child.run")
    assert child.status == "complete"
    assert len(child.trainings) == 1


def test_marks_of_a_run_before_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    leave_mark(str(tmp_path / "train.run"))
    Path("alone.py").write_text("import numpy, keras")
    assert main(["run", "-o", "train.run", "alone.py"]) == 0
    assert trained_elsewhere(Run.open("train.run")) == 0


POOL = """
import multiprocessing

def train(seed):
    import keras
    import numpy
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(numpy.ones((4, 2)), numpy.ones((4, 1)), verbose=0)

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(train, [1])
"""


def test_a_script_that_trains_in_other_processes_alone_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    Path("train.py").write_text(POOL)
    assert main(["check", "train.py"]) not in (0, 2)
    # Its own process imports nothing, and has no run.
    assert "train.py trains in another process, which samefit does not record" in " ".join(
        capfd.readouterr().err.split()
    )
