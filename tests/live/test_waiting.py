"""Steps that are written later are recorded as they were: also where the user's code changes the arrays."""

from __future__ import annotations

import pytest
from tests.live.checked import printed

from samefit.store.reader import Run

SCRIPT = """
import sys
import keras
import numpy as np
import samefit

x, y = np.random.default_rng(1).standard_normal((600, 4), dtype="float32"), np.zeros(600, "int64")
waited = []


class Changes(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        x[:] *= 1.5

    def on_epoch_end(self, epoch, logs=None):
        y[:] += np.random.randint(2)


class InEvaluate(keras.callbacks.Callback):
    def on_test_begin(self, logs=None):
        x[:] += 1.0


with samefit.Recorder(sys.argv[1], every_step="every step" in sys.argv) as recorder:
    inner = recorder._live.recorder
    add = inner._add_waiting
    inner._add_waiting = lambda *step: (waited.append(1), add(*step))
    for shuffle, callbacks in ((False, [Changes(), InEvaluate()]), (True, []), ("batch", [Changes()])):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.5), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(x, y, batch_size=4, epochs=3, shuffle=shuffle, callbacks=callbacks, verbose=0,
                  validation_data=(x[:8].copy(), y[:8].copy()))
print(len(waited))
"""


@pytest.fixture(scope="module")
def runs(backends: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The run whose steps wait, and the one that reads each step at once."""
    if "jax" not in backends:
        pytest.skip("no other backend returns before it has computed")
    home = tmp_path_factory.mktemp("waiting")
    sides = (("waiting",), ("at once", "every step"))
    counts = [int(printed(home, "jax", SCRIPT, *side)) for side in sides]
    assert counts[0] > 800
    assert counts[1] == 0
    return Run.open(home / "waiting"), Run.open(home / "at once")


@pytest.mark.parametrize(
    "what", ["index", "epoch", "step", "batch", "rows", "num_rows", "logs", "generators", "generators_after"]
)
def test_every_step_is_recorded_as_if_read_at_once(runs: tuple[Run, Run], what: str) -> None:
    waiting, at_once = ([getattr(step, what) for step in run.steps()] for run in runs)
    assert len(waiting) == 3 * 3 * 150
    assert waiting == at_once


def test_all_weights_that_both_recorded_are_equal(runs: tuple[Run, Run]) -> None:
    waiting, at_once = runs
    steps = waiting.steps_with_state()
    assert 100 < len(steps) < len(at_once.steps_with_state())
    assert [waiting.state_after(step) for step in steps] == [at_once.state_after(step) for step in steps]


def test_nothing_was_warned_of(runs: tuple[Run, Run]) -> None:
    assert [(run.status, run.warnings) for run in runs] == [("complete", ())] * 2
