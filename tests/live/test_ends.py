"""How trainings end: the run says which of them were not trained to their ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit.cli import main
from samefit.store.reader import Run

SCRIPT = """
import keras, numpy as np

class Fails(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            raise RuntimeError("no")

x, y = np.ones((8, 4)), np.ones((8, 1))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("adam", "mse")
for callbacks in ([Fails()], []):
    model.train_on_batch(x, y)
    try:
        model.fit(x, y, batch_size=2, callbacks=callbacks, verbose=0)
    except RuntimeError:
        pass
for width in (4, 5, 4, 5):
    try:
        model.train_on_batch(np.ones((8, width)), y)
    except Exception:
        pass
"""


def test_each_training_says_how_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT)
    assert main(["run", "-o", "train.run", "train.py"]) == 0
    run = Run.open("train.run")
    assert run.status == "complete"
    assert [(t.kind, t.status, len(run.steps([t.number]))) for t in run.trainings] == [
        ("train_on_batch", "complete", 1),
        ("fit", "failed", 2),
        ("train_on_batch", "complete", 1),
        ("fit", "complete", 4),
        ("train_on_batch", "failed", 2),
    ]
