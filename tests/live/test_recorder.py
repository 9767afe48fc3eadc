"""A script with a `samefit.Recorder` of its own is checked as any other: all goes into the run of the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked

SCRIPT = """
import keras, numpy as np
import samefit

x = np.arange(24, dtype="float32").reshape(6, 4)

def make():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, use_bias=False)])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    return model

def loop(model, factor):
    with samefit.Recorder("loop.run") as recorder:
        for row in x:
            update = keras.ops.convert_to_tensor(row[:, None] * factor)
            model.optimizer.apply([update], model.trainable_variables)
            recorder.step(model, row, float(row.sum()))

def same():
    loop(make(), 1.0)

def other():
    loop(make(), 2.0)

def with_fit():
    model = make()
    model.fit(x, x[:, :1], batch_size=2, verbose=0, callbacks=[samefit.Recorder("fit.run")])
    loop(model, 1.0)
"""


def test_a_script_that_records_itself(any_backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", any_backend)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    answer = checked(tmp_path / "identical", "train.py:with_fit", "train.py:with_fit")
    assert (answer["verdict"], answer["steps_compared"]) == ("identical", 9)
    answer = checked(tmp_path / "diverged", "train.py:same", "train.py:other")
    assert (answer["verdict"], answer["first_divergence"]["step"]) == ("diverged", 1)
    assert not list(tmp_path.glob("*.run"))
