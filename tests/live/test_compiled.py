"""Steps that are compiled (jit_compile=True), on each backend: recorded, pinned, and their bits left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.cli import main
from samefit.store.reader import Run

SCRIPT = """
import keras, numpy as np

keras.utils.set_random_seed(1)
x = np.random.normal(size=(64, 4)).astype("float32")
layers = [keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
model = keras.Sequential([keras.Input((4,)), *layers])
model.compile("sgd", "mse", jit_compile=True)
model.fit(x, x[:, :1], batch_size=16, epochs=2, verbose=0)
print([weight.tobytes().hex() for weight in model.get_weights()])
"""

TRACED = """
import torch
from torch._subclasses import FakeTensorMode

from samefit import backends

backend = backends.load("torch")
before = backend.generator_state()
with FakeTensorMode():
    torch.rand(3)
    assert backend.generator_state() == before
"""


@pytest.mark.slow  # PyTorch calls a C++ compiler
def test_a_compiled_step(
    tmp_path: Path, each_backend: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    Path("train.py").write_text(SCRIPT)
    assert main(["run", "--quiet", "-o", "train.run", "train.py"]) == 0
    recorded = capfd.readouterr().out
    plain = subprocess.run([sys.executable, "train.py"], env=os.environ, check=True, capture_output=True, text=True)
    assert recorded == plain.stdout
    with Run.open("train.run") as run:
        assert (run.warnings, run.num_steps()) == ((), 8)

    assert main(["run", "--quiet", "--pin", "3", "-o", "pinned.run", "train.py"]) == 0
    assert "Dynamo" not in capfd.readouterr().err
    with Run.open("pinned.run") as run:
        assert run.warnings == ()


def test_the_state_of_the_generator_is_read_while_pytorch_traces(backends: tuple[str, ...]) -> None:
    if "torch" not in backends:
        pytest.skip("PyTorch is not under test")
    subprocess.run([sys.executable, "-c", TRACED], check=True)
