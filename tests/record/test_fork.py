"""A process that is forked from the recorded one leaves the run alone; the recorded one goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.cli import main
from samefit.store.reader import Run

pytestmark = pytest.mark.skipif(not hasattr(os, "register_at_fork"), reason="this system does not fork")

FORKS = """
import multiprocessing, os, random, sys
import numpy

def work(number):
    random.seed(1000 + number)
    numpy.random.seed(1000 + number)
    return random.random(), float(numpy.random.random()), len(os.urandom(2))

random.seed(1)
numpy.random.seed(1)
with multiprocessing.get_context("fork").Pool(2, random.seed, (2000,)) as pool:
    print(pool.map(work, range(20)))
if "samefit.live" in sys.modules:
    # As it does every half a second: an open transaction would hide what the child writes.
    sys.modules["samefit.live"]._live.writer.flush()
child = os.fork()
if child == 0:
    # It ends as a script does, with all that the interpreter does at its end.
    print([work(number) for number in range(20)], flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(random.random(), numpy.random.random(), work(-1000))
"""


def test_forked_processes_are_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("forks.py").write_text(FORKS)
    plain = subprocess.run([sys.executable, "forks.py"], capture_output=True, text=True)
    assert plain.returncode == 0, plain.stderr
    assert main(["run", "-o", "forks.run", "forks.py"]) == 0
    printed = capfd.readouterr()
    assert printed.out == plain.stdout
    assert printed.err.splitlines() == ["samefit: the run is kept in forks.run  (samefit show forks.run)"]
    run = Run.open("forks.run")
    assert run.status == "complete"
    assert run.warnings == ()
    seeds = [(event.generator, event.value) for event in run.events if event.kind == "seed"]
    assert seeds == [("python", 1), ("numpy", 1), ("python", 0), ("numpy", 0)]


LOCKED = """
import os, random, signal, sys, threading
import numpy
from samefit import live

entered, leave = threading.Event(), threading.Event()

def sink(event):
    entered.set()
    leave.wait()

live.start({"run": sys.argv[1]})
live._live.ledger.connect(sink, lambda point, states: None)
drawing = threading.Thread(target=random.random)
drawing.start()
entered.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)  # ends a child that hangs
    random.random(), os.urandom(1), random.seed(1), numpy.random.random()
    os._exit(0)
status = os.waitpid(child, 0)[1]
leave.set()
drawing.join()
sys.exit(status)
"""


def test_a_lock_that_was_held_at_the_fork_is_not_waited_for(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", LOCKED, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


WORKERS = """
import json, sys
import keras, numpy as np, torch

keras.utils.set_random_seed(3)

class Noisy(torch.utils.data.Dataset):
    def __len__(self):
        return 24

    def __getitem__(self, index):
        x = torch.randn(4) + float(np.random.random())
        return x, x[:1]

class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        np.random.seed(index)  # which worker makes which batch is chance
        x = np.full((8, 4), index + 1, "float32")
        return x, x[:, :1] + np.random.random()

def train(data):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(data, epochs=2, verbose=0).history["loss"]
    return history, [weight.tolist() for weight in model.get_weights()]

if __name__ == "__main__":
    workers = {"num_workers": 2, "multiprocessing_context": "fork"}
    loader = torch.utils.data.DataLoader(Noisy(), batch_size=8, shuffle=True, **workers)
    found = [train(loader), train(Batches(workers=2, use_multiprocessing=True)), float(np.random.random())]
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
"""


@pytest.mark.slow
def test_workers_train_as_without_the_recorder(tmp_path: Path, backends: tuple[str, ...]) -> None:
    if "torch" not in backends:
        pytest.skip("torch is not under test")
    (tmp_path / "train.py").write_text(WORKERS)
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    recording = ["-m", "samefit", "run", "-o", str(tmp_path / "train.run")]
    for name, arguments in (("plain.json", []), ("recorded.json", recording)):
        command = [sys.executable, *arguments, str(tmp_path / "train.py"), str(tmp_path / name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        assert "recording" not in done.stderr
    assert (tmp_path / "recorded.json").read_text() == (tmp_path / "plain.json").read_text()
    run = Run.open(tmp_path / "train.run")
    assert run.status == "complete"
    assert [len(run.steps([training.number])) for training in run.trainings] == [6, 6]
    assert all(step.batch is not None for step in run.steps())
