"""A pinned training that was killed, started again, ends with the bits of one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
# With steps_per_epoch=4 the third epoch has one step: the nine batches are used up.
STEPS = {"array": 36, "steps": 13, "dataset": 36, "shuffled": 36, "generator": 20}


def run(
    backend: str, kill_after: int, directory: Path | str, *data: str, script: str = "resumed.py"
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, str(SCRIPTS / script), str(kill_after), str(directory), *data]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def ended(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def killed_and_resumed(backend: str, data: str, kill_after: int, directory: Path) -> str:
    done = run(backend, kill_after, directory, data)
    assert done.returncode == -signal.SIGKILL, done.stderr
    return ended(run(backend, 0, directory, data))


def test_killed_at_a_random_step(tmp_path: Path, any_backend: str) -> None:
    # Seeded by the backend's name: the same step in each run of the suite, another one on each backend.
    kill_after = random.Random(any_backend).randrange(3, STEPS["array"])
    expected = ended(run(any_backend, 0, "-", "array"))
    assert killed_and_resumed(any_backend, "array", kill_after, tmp_path / "checkpoints") == expected
    # Once more, when all is done: nothing is trained, and everything is there again.
    assert ended(run(any_backend, 0, tmp_path / "checkpoints", "array")) == expected


def test_a_dataset_that_shuffles_itself_goes_on(tmp_path: Path, any_backend: str) -> None:
    expected = ended(run(any_backend, 0, "-", "shuffled"))
    # In the last epoch: its rows were shuffled after each of the three before, and once before the first.
    assert killed_and_resumed(any_backend, "shuffled", 30, tmp_path / "checkpoints") == expected
    # The first training is done; the second one goes on with the rows as the first has left them.
    assert ended(run(any_backend, 0, tmp_path / "checkpoints", "shuffled")) == expected
    (tmp_path / "checkpoints" / "training-2.checkpoint").unlink()
    assert ended(run(any_backend, 0, tmp_path / "checkpoints", "shuffled")) == expected


@pytest.mark.slow
@pytest.mark.parametrize("data", list(STEPS))
def test_killed_at_several_steps(tmp_path: Path, each_backend: str, data: str) -> None:
    expected = ended(run(each_backend, 0, "-", data))
    for kill_after in (1, STEPS[data] // 3, STEPS[data] - 1):
        assert killed_and_resumed(each_backend, data, kill_after, tmp_path / str(kill_after)) == expected, kill_after


def test_optimizers_that_a_model_holds_itself_go_on(tmp_path: Path, any_backend: str) -> None:
    script = "resumed_optimizers.py"
    expected = ended(run(any_backend, 0, "-", script=script))
    assert expected.endswith("[12, 12]")
    done = run(any_backend, 6, tmp_path / "checkpoints", script=script)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert ended(run(any_backend, 0, tmp_path / "checkpoints", script=script)) == expected


def test_a_checkpoint_is_used_for_its_own_training_only(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


REFUSED = """
import pathlib, sys
import keras, numpy as np, samefit
from samefit.errors import CheckpointError

home = pathlib.Path(sys.argv[1])
x = np.ones((8, 4), "float32")

def train(seed, units=2, callbacks=(), prepare=lambda model: None):
    def fit():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units)])
        model.compile("sgd", "mse")
        prepare(model)
        model.fit(x, x[:, :units], verbose=0, callbacks=[samefit.Checkpoint(home / "a"), *callbacks])
    if seed is None:
        fit()
    else:
        with samefit.pinned(seed):
            fit()

def refused(text, *args, **kwargs):
    try:
        train(*args, **kwargs)
    except CheckpointError as error:
        assert text in str(error), str(error)
    else:
        raise AssertionError("not refused: " + text)

refused("pinned", None)
train(1)
refused("seed 1", 2)
refused("another model", 1, units=3)
refused("callbacks", 1, callbacks=[keras.callbacks.TerminateOnNaN()])
def hold_an_optimizer(model):
    model.other = keras.optimizers.SGD(name="of_nothing")
    model.other.build([keras.Variable(1.0)])

home = home / "other"
refused("of_nothing", 1, prepare=hold_an_optimizer)
home = home.parent
file = next((home / "a").iterdir())
file.write_bytes(file.read_bytes()[:100])
refused("damaged", 1)
try:
    samefit.Checkpoint(home, every=0)
except ValueError:
    pass
else:
    raise AssertionError("every=0 was taken")
"""
