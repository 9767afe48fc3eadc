"""Recording keeps no model alive: a script that trains one after the other needs no more memory than without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.store.reader import Run

SCRIPT = """
import gc, weakref
import keras, numpy as np

x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
seen = []

def train():
    layers = [keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    seen.append([weakref.ref(model), weakref.ref(model.layers[0].kernel), weakref.ref(model.optimizer)])

for _ in range(3):
    train()
gc.collect()
print("alive:", sum(reference() is not None for references in seen for reference in references))
"""


@pytest.mark.parametrize(
    "backend", ["jax", *(pytest.param(b, marks=pytest.mark.slow) for b in ("tensorflow", "torch"))]
)
def test_models_that_are_gone(backend: str, tmp_path: Path) -> None:
    (tmp_path / "loop.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "samefit", "run", "-o", "run", "loop.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "alive: 0\n" in done.stdout
    with Run.open(tmp_path / "run") as run:
        assert [run.num_steps([training.number]) for training in run.trainings] == [2, 2, 2]
