"""What callbacks do between two steps of an epoch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

from samefit.record.fit_arguments import act_between_steps
from samefit.store.reader import Run

SCRIPT = """
import sys
import keras
import numpy as np
import samefit


class Prunes(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch in (1, 2):
            kernel = self.model.layers[0].kernel
            kernel.assign(kernel * (0.5 if batch == 1 else 1.0))


keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.arange(96.0).reshape(24, 4) / 96
with samefit.Recorder("run"):
    model.fit(x, x[:, :1], batch_size=4, shuffle=False, verbose=0, callbacks=[Prunes()])
"""


def test_weights_that_change_between_two_steps_are_recorded(tmp_path: Path, each_backend: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": each_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True, env=environment)
    run = Run.open(tmp_path / "run")
    # The second time the callback writes what is there: that is no change.
    assert [step for step in range(6) if run.has_begin(step)] == [0, 2]
    before, after = run.state_before(2), run.state_after(1)
    assert before is not None
    assert after is not None
    layout = run.layouts[before.layout]
    parted = [v.path for i, v in enumerate(layout) if before.digests[16 * i :][:16] != after.digests[16 * i :][:16]]
    assert parted == ["sequential/dense/kernel"]


class OnBatches(keras.callbacks.Callback):
    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The old name."""


class OnEpochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Runs between two epochs."""


@pytest.mark.parametrize(
    ("callbacks", "acts"),
    [
        (None, False),
        ([OnEpochs(), keras.callbacks.EarlyStopping(), keras.callbacks.ModelCheckpoint("w.keras")], False),
        ([keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)], False),
        ([keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)], True),
        (OnBatches(), True),
        ([OnEpochs(), OnBatches()], True),
        (keras.callbacks.CallbackList([OnBatches()]), True),
    ],
)
def test_which_callbacks_act_between_steps(callbacks: Any, acts: bool) -> None:
    assert act_between_steps(callbacks) is acts
