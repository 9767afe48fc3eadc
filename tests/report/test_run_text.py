"""What `samefit show` says, about a run written by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from samefit.cli import main
from samefit.report.run_text import print_ledger, print_run, print_weights
from samefit.store.reader import Run
from samefit.store.records import (
    Event,
    ModelRecord,
    Origin,
    StateRecord,
    StepRecord,
    TrainingRecord,
    VariableRecord,
)
from samefit.store.writer import RunWriter
from samefit.types import Build, Location, Role

SEED = Location("/code/train.py", 9, "keras.utils.set_random_seed(1)")
FIT = Location("/code/train.py", 41, "model.fit(x, y, epochs=2)")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run with one training of two steps and a short ledger."""
    path = tmp_path / "hand.run"
    writer = RunWriter(
        path,
        {"target": "train.py", "backend": "jax", "device": "cpu", "versions": {"keras": "3.15.1"}, "started": 0.0},
    )
    shuffle = Event(
        id=2, kind="draw", generator="numpy", function="numpy.random.permutation", index=1,
        component="shuffle of fit #1", location=FIT,
    )  # fmt: skip
    for event in (
        Event(id=0, kind="seed", generator="numpy", function="numpy.random.seed", value=1, location=SEED),
        Event(id=1, kind="draw", generator="numpy", function="numpy.random.rand", location=SEED),
        shuffle,
        replace(shuffle, id=3, index=2),
        Event(id=4, kind="draw", generator="python", function="random.random", location=FIT),
        Event(id=5, kind="training", value=1),
    ):
        writer.event(event)
    writer.model(ModelRecord(id=1, name="residual", class_name="Sequential", build=Build.SEQUENTIAL))
    origin = Origin("GlorotUniform", seed=7, seed_is_explicit=True, digest=b"\xab" * 16, location=SEED)
    variables = (
        VariableRecord(Role.TRAINABLE, "dense/kernel", (4, 2), "float32", origin=origin),
        VariableRecord(Role.OPTIMIZER, "sgd/iteration", (), "int32"),
    )
    layout = writer.layout(variables)
    writer.training(
        TrainingRecord(
            number=1,
            side="",
            model=1,
            kind="fit",
            options={},
            compiled={},
            begin_event=5,
            status="complete",
            location=FIT,
        )
    )
    writer.state(StateRecord(step=0, training=1, moment="begin", layout=layout, digests=bytes(32)))
    for index, loss in enumerate((2.5, 1.25)):
        writer.step(
            StepRecord(
                index=index, training=1, epoch=0, step=index, batch=None, rows=None, num_rows=8, logs={"loss": loss}
            )
        )
    writer.warning("no-batches", "the batches could not be seen\nand a second line")
    writer.close("complete", 0)
    return Run.open(path)


def said(printer: Callable[[Run, Console], None], run: Run, width: int = 110) -> list[list[str]]:
    """Returns the words of each line that a printer prints."""
    stream = io.StringIO()
    printer(run, Console(file=stream, width=width, highlight=False, _environ={}))
    return [line.split() for line in stream.getvalue().splitlines()]


def test_summary(run: Run) -> None:
    lines = said(print_run, run)
    assert ["status", "complete"] in lines
    assert ["backend", "jax", "on", "cpu"] in lines
    assert ["warning", "no-batches:", "the", "batches", "could", "not", "be", "seen"] in lines
    assert ["1", "fit", "Sequential", '"residual"', "line", "41", "2", "2.5", "1.25", "complete"] in lines


def test_a_pinned_run_says_what_is_not_pinned(tmp_path: Path) -> None:
    limit = {"kind": "raw-draw", "text": "A layer draws.", "remedy": "Draw with Keras.", "location": None}
    there = {"file": "/code/net.py", "line": 7, "code": "return x + torch.rand(3)"}
    report = {"limits": [limit, {**limit, "location": there}], "switched": {"XLA_FLAGS": "--deterministic"}}
    RunWriter(tmp_path / "pinned.run", {"pin": 42, "pin_report": report}).close("complete", 0)
    with Run.open(tmp_path / "pinned.run") as run:
        lines = [" ".join(line) for line in said(print_run, run)]
    assert "pinned to 42" in lines
    assert "switched XLA_FLAGS=--deterministic" in lines
    assert "not pinned raw-draw: A layer draws. Draw with Keras." in lines
    assert "not pinned raw-draw: /code/net.py:7: A layer draws. Draw with Keras." in lines


def test_ledger_counts_from_the_seed_on(run: Run) -> None:
    lines = said(print_ledger, run)
    numpy = lines[lines.index(["numpy.random"]) :]
    assert numpy[2] == ["line", "9", "seed", "1", "numpy.random.seed", "keras.utils.set_random_seed(1)"]
    assert numpy[3][:5] == ["0", "line", "9", "your", "code"]
    assert " ".join(numpy[4]) == "1-2 line 41 shuffle of fit #1 numpy.random.permutation model.fit(x, y, epochs=2)"


def test_ledger_says_what_was_never_seeded(run: Run) -> None:
    lines = said(print_ledger, run)
    python = lines[lines.index(["Python's", "random"]) :]
    assert python[2] == ["never", "seeded", "before", "this"]


@pytest.mark.parametrize(
    ("code", "who"), [("import keras", "an import"), ("from keras import layers", "an import"), ("x()", "your code")]
)
def test_ledger_says_what_an_import_drew(tmp_path: Path, code: str, who: str) -> None:
    writer = RunWriter(tmp_path / "hand.run", {"target": "train.py", "backend": "jax", "started": 0.0})
    where = Location("/code/train.py", 3, code)
    writer.event(Event(id=0, kind="draw", generator="python", function="random.random", location=where))
    writer.close("complete", 0)
    with Run.open(tmp_path / "hand.run") as run:
        lines = [" ".join(line) for line in said(print_ledger, run)]
    assert any(f"line 3 {who} random.random" in line for line in lines)


def test_ledger_is_cut_to_the_width(run: Run) -> None:
    stream = io.StringIO()
    print_ledger(run, Console(file=stream, width=80, highlight=False, _environ={}))
    assert max(map(len, stream.getvalue().splitlines())) <= 80


def test_weights_say_where_they_came_from(run: Run) -> None:
    lines = said(print_weights, run)
    assert lines[0] == ["training", "#1:", "1", "variable"]
    assert lines[2] == [
        "dense/kernel", "4×2", "float32", "GlorotUniform", "7", "(explicit)", "line", "9", "abababababab",
    ]  # fmt: skip


def test_show(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run.path), "--ledger", "--weights"]) == 0
    out = capsys.readouterr().out
    for part in ("status", "numpy.random", "dense/kernel"):
        assert part in out


def test_show_as_json(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(run.path), "--json", "-"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "complete"
    assert document["trainings"][0]["steps"] == 2


def test_show_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"samefit: {tmp_path} is not a run: it has no manifest.json.\n"
