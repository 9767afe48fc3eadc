"""A recorded process is the user's own: no framework that the script did not import, no warning that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit.cli import main

SCRIPT = """
import sys, keras, numpy as np

before = {name for name in ("jax", "tensorflow", "torch") if name in sys.modules}
model = keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: 2 * x), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(), keras.losses.MeanSquaredError(), metrics=[keras.metrics.MeanAbsoluteError()])
model.fit(np.ones((8, 4)), np.ones((8, 1)), verbose=0)
after = {name for name in ("jax", "tensorflow", "torch") if name in sys.modules}
print("imported besides:", sorted(after - before))
"""


def test_no_framework_and_no_warning(
    tmp_path: Path, each_backend: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    monkeypatch.setenv("PYTHONWARNINGS", "error::UserWarning:keras")
    Path("train.py").write_text(SCRIPT)
    assert main(["run", "-o", "train.run", "train.py"]) == 0
    printed = capfd.readouterr()
    assert "imported besides: []" in printed.out
    assert "lambda" not in printed.err
