"""How trainings end: the run says which of them were not trained to their ends."""

from __future__ import annotations

from pathlib import Path

import pytest

import samefit
from samefit.cli import main
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

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


RESTORES = """
import sys, keras, numpy as np

keras.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(10.0), "mse")
stopping = keras.callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=sys.argv[1] == "yes")
model.fit(x, x[:, :1], epochs=5, batch_size=8, callbacks=[stopping], verbose=0)
"""


@pytest.mark.slow
def test_weights_that_a_callback_restores_when_fit_ends(tmp_path: Path, each_backend: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(RESTORES)
    backend = {"KERAS_BACKEND": each_backend}
    found = samefit.check(
        f"{script} yes", f"{script} no", env_a=backend, env_b=backend, directory=tmp_path / "runs", confirm=True
    )
    assert found.verdict is Verdict.DIVERGED
    assert found.first_divergence is not None
    assert (found.first_divergence.stage, found.first_divergence.step) == (Stage.STATE, found.steps_compared)
    assert found.first_divergence.detail == "after the last step of the training, when fit ended"
    (cause,) = found.causes
    assert cause.evidence[0].text == "EarlyStopping.restore_best_weights: True and False"
