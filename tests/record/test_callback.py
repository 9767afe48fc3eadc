"""`samefit.Recorder` leaves the process as it found it, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, pathlib, random
import keras, numpy as np
import samefit
from samefit.errors import RunError
from samefit.store.reader import Run
from samefit.store.writer import RunWriter

x = np.ones((8, 4), "float32")
owner = next(cls for cls in keras.Model.__mro__ if "fit" in vars(cls))
calls = keras.callbacks.CallbackList
plain = lambda: (os.urandom, random.random, np.random.shuffle, owner.fit, keras.Layer.__call__, calls.on_train_begin)
before = plain()
home = os.path.dirname(samefit.__file__)
assert not any(thing.__code__.co_filename.startswith(home) for thing in before if hasattr(thing, "__code__"))

def train(*callbacks):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=2, batch_size=4, callbacks=list(callbacks), verbose=0)

class Stops(keras.callbacks.Callback):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            assert os.urandom is not before[0]
            raise self.kind("mine")

train(samefit.Recorder("good.run"))
assert plain() == before
for attempt in range(2):
    pathlib.Path("full.run").mkdir(exist_ok=True)
    pathlib.Path("full.run", "file").write_text("")
    try:
        if attempt:
            with samefit.Recorder("full.run"):
                raise AssertionError("it began")
        else:
            train(samefit.Recorder("full.run"))
    except RunError:
        pass
    else:
        raise AssertionError("a directory that is not empty was taken")
    assert plain() == before, attempt
for kind in (KeyError, KeyboardInterrupt):
    name = kind.__name__ + ".run"
    recorder = samefit.Recorder(name)
    try:
        train(recorder, Stops(kind))
    except kind:
        pass
    else:
        raise AssertionError("it went on")
    assert plain() == before, name
    train()
    run = Run.open(name)
    assert (run.status, len(run.trainings), run.trainings[0].status) == ("failed", 1, "failed"), run.trainings
    assert len(run.steps()) == 2

close = RunWriter.close
RunWriter.close = lambda *arguments: 1 / 0
try:
    with samefit.Recorder("late.run"):
        train()
except ZeroDivisionError:
    pass
RunWriter.close = close
assert plain() == before
run = Run.open("good.run")
assert (run.status, [training.status for training in run.trainings]) == ("complete", ["complete"])
"""


def test_a_recorder_leaves_nothing_behind(any_backend: str, tmp_path: Path) -> None:
    environment = {**os.environ, "KERAS_BACKEND": any_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
