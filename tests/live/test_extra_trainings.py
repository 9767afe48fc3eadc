"""A callback that trains another model in one of two trainings: it moves the order of what is trained around it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process

SCRIPT = """
import keras, numpy as np
x = np.random.default_rng(0).standard_normal((64, 4)).astype("float32")
y = x.sum(1, keepdims=True)

def made():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

class Probe(keras.callbacks.Callback):
    other = None
    def on_epoch_end(self, epoch, logs=None):
        if self.other is not None:
            self.other.fit(x, y, batch_size=16, verbose=0)

def train(probe):
    keras.utils.set_random_seed(1)
    made().fit(x, y, batch_size=16, epochs=3, verbose=0, callbacks=[probe])

other = made()
train(Probe())
second = Probe()
second.other = other
train(second)
"""


@pytest.mark.slow
def test_the_callback_is_the_cause(each_backend: str, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    found = checked_in_a_process(each_backend, tmp_path, script, "--trainings", "1,2")
    if each_backend == "tensorflow":
        # Its order is the same in each fit, whatever else is trained.
        assert found["verdict"] == "identical"
        return
    (cause,) = found["causes"]
    assert (cause["slug"], cause["confirmed"]) == ("callback", True)
    assert cause["counterfactual"].startswith("with ")
    assert cause["location"]["code"] == "self.other.fit(x, y, batch_size=16, verbose=0)"
