"""A disk that is full ends the recording; draws, layers and trainings go on, and the run says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from samefit.store.reader import Run

FULL = """
import os, random, sys
import numpy as np

def fill_the_disk():
    if "samefit.live" in sys.modules:
        database = sys.modules["samefit.live"]._live.writer._database
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        database.execute(f"PRAGMA max_page_count={pages}")

"""

DRAWS = (
    FULL
    + """
rows = np.arange(5)
fill_the_disk()
for number in range(300):
    random.seed(number)
    np.random.seed(number)
    np.random.shuffle(rows)
    assert len(os.urandom(3)) == 3
print(rows, random.random(), np.random.random())
"""
)

FIT = (
    FULL
    + """
import keras

keras.utils.set_random_seed(1)
x = np.random.normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("adam", "mse")

class Fills(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            fill_the_disk()

def train(*callbacks):
    print(model.fit(x, x[:, :1], epochs=40, batch_size=4, verbose=0, callbacks=list(callbacks)).history)

train(Fills())
train()
print([weight.tolist() for weight in keras.models.clone_model(model).get_weights()], np.random.random())
"""
)


def outputs(script: str, environment: dict[str, str], directory: Path) -> tuple[str, str]:
    """Returns what a script prints without and with the recorder; the run is in `directory`/full.run."""
    (directory / "full.py").write_text(script)
    found = []
    for arguments in ([], ["-m", "samefit", "run", "-o", "full.run"]):
        done = subprocess.run(
            [sys.executable, *arguments, "full.py"],
            env={**os.environ, **environment},
            cwd=directory,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        found.append(done.stdout)
    assert done.stderr.count("samefit: recording stopped, the training goes on:") == 1
    assert "Traceback" not in done.stderr
    return found[0], found[1]


def test_draws_go_on(tmp_path: Path) -> None:
    plain, recorded = outputs(DRAWS, {}, tmp_path)
    assert recorded == plain
    assert "full" in Run.open(tmp_path / "full.run").manifest["recording_failed"]


def test_a_training_goes_on(tmp_path: Path, backends: tuple[str, ...]) -> None:
    plain, recorded = outputs(FIT, {"KERAS_BACKEND": backends[0], "TF_CPP_MIN_LOG_LEVEL": "3"}, tmp_path)
    assert recorded == plain
    run = Run.open(tmp_path / "full.run")
    assert "full" in run.manifest["recording_failed"]
    assert run.manifest["versions"]["keras"]


BY_HAND = """
import keras, numpy as np, samefit

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
x = np.ones((8, 4), "float32")
with samefit.Recorder("hand.run") as recorder:
    recorder.step(model, x, 1.0)
    recorder._live.ledger.guard(lambda: 1 / 0, None)
    recorder.step(model, x, 0.5)
"""


def test_a_step_by_hand_after_the_recording_stopped(tmp_path: Path, backends: tuple[str, ...]) -> None:
    environment = {**os.environ, "KERAS_BACKEND": backends[0], "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", BY_HAND]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert Run.open(tmp_path / "hand.run").manifest["recording_failed"] == "ZeroDivisionError: division by zero"
