"""A recorded process is the user's own: no framework that the script did not import, no warning that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked

from samefit.cli import main
from samefit.store.reader import Run

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


THREADS = """
import threading, keras, numpy as np

def model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model

x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
started, ended = threading.Event(), threading.Event()

class Waiting(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        started.set()
        assert ended.wait(60)

inner, outer = model(), model()
first = threading.Thread(target=lambda: outer.fit(x, y, epochs=2, verbose=0, callbacks=[Waiting()]))
first.start()
assert started.wait(60)
inner.fit(x, y, verbose=0)
ended.set()
first.join()
last = model()
last.fit(x, y, epochs=2, verbose=0)
assert np.array_equal(last.get_weights()[0], outer.get_weights()[0])
"""


TOGETHER = """
import concurrent.futures, keras, numpy as np

def train(seed):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), epochs=20, verbose=0)

with concurrent.futures.ThreadPoolExecutor(2) as pool:
    list(pool.map(train, range(2)))
"""


@pytest.mark.parametrize("script", [THREADS, TOGETHER])
def test_trainings_in_two_threads_at_once_end_the_recording_and_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], script: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    Path("train.py").write_text(script)
    assert main(["run", "-o", "train.run", "train.py"]) == 0
    assert "recording stopped, the training goes on" in capfd.readouterr().err
    run = Run.open("train.run")
    assert "another ran one; one at a time is recorded" in run.manifest["recording_failed"]


CONFIG = "import argparse\n\nparser = argparse.ArgumentParser()\nparser.add_argument('--rate', type=float)\n"
WITH_ARGUMENTS = """
import keras, numpy as np
from config import RATE
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, kernel_initializer="ones")])
model.compile(keras.optimizers.SGD(RATE), "mse")
model.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), verbose=0)
"""


def test_a_module_that_read_the_arguments_of_the_first_side_is_said(
    tmp_path: Path, any_backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both sides train with its rate, as they would in one process, and that is not what was asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", any_backend)
    Path("config.py").write_text(CONFIG + "RATE = parser.parse_args().rate\n")
    Path("train.py").write_text(WITH_ARGUMENTS)
    slow, fast = "train.py --rate 0.1", "train.py --rate 0.2"

    def said(*sides: str) -> list[str]:
        runs = Path(f"{len(list(Path().iterdir()))}")
        runs.mkdir()
        notes = checked(runs.absolute(), *sides, "--same-process")["notes"]
        return [note for note in notes if note.startswith("executed-once: ")]

    assert said(slow, fast) == ["executed-once: config.py was executed once, with the arguments of the side before"]
    assert said(slow, slow) == []
    Path("config.py").write_text("RATE = 0.1\n")
    assert said(slow, fast) == []
