"""Which backend a side runs on, where its script chooses one as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked

from samefit.cli import main

SCRIPT = """
import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np

model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, kernel_initializer="ones")])
model.compile(keras.optimizers.SGD(0.1), "mse")
model.fit(np.ones((8, 3), "float32"), np.ones((8, 2), "float32"), batch_size=4, epochs=1, shuffle=False, verbose=0)
print(keras.backend.backend(), os.environ["KERAS_BACKEND"])
"""


def test_a_script_that_sets_it_runs_on_what_was_asked_for(tmp_path: Path, backends: tuple[str, ...]) -> None:
    if not {"jax", "torch"} <= set(backends):
        pytest.skip("jax and torch are not both under test")
    (tmp_path / "train.py").write_text(SCRIPT)
    answer = checked(tmp_path, str(tmp_path / "train.py"), "--backends", "jax,torch")
    assert [(tmp_path / "runs" / f"{side}.out").read_text().split() for side in "ab"] == [["jax"] * 2, ["torch"] * 2]
    assert [answer[side]["backend"] for side in ("baseline", "candidate")] == ["jax", "torch"]
    [note] = [note for note in answer["notes"] if "KERAS_BACKEND" in note]
    assert "the script sets KERAS_BACKEND to 'torch'; it ran on the backend that was asked for" in note


def test_a_process_has_one_and_the_second_script_asks_for_another(
    tmp_path: Path, backends: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not {"jax", "torch"} <= set(backends):
        pytest.skip("jax and torch are not both under test")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    for name in ("torch", "jax"):
        (tmp_path / f"on_{name}.py").write_text(SCRIPT.replace('"torch"', f'"{name}"'))
    files = [str(tmp_path / f"on_{name}.py") for name in ("jax", "torch")]
    assert main(["check", *files, "--same-process", "--runs", str(tmp_path / "runs")]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert f"{files[1]} asks for the Keras backend 'torch', and this process has 'jax' since a side before" in said
    (again := tmp_path / "again").mkdir()
    answer = checked(again, files[0], files[0], "--same-process")
    assert answer["verdict"] == "identical"
