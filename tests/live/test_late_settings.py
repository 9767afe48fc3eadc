"""What a script may still choose after it has imported Keras stays its own: threads, devices, flags, the backend."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.store.reader import Run

TRAIN = """
x = np.ones((8, 4), "float32")
def train():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], verbose=0)
"""
SETTINGS = {
    "tensorflow": """
import tensorflow as tf, keras, numpy as np
tf.config.threading.set_intra_op_parallelism_threads(1)
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)
""",
    "jax": """
import os, jax, keras, numpy as np
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2"
jax.config.update("jax_platforms", "cpu")
""",
}
CHOSEN = {"tensorflow": 'len(tf.config.list_logical_devices("CPU")) == 2', "jax": "len(jax.devices()) == 2"}


def run(tmp_path: Path, backend: str, script: str) -> tuple[subprocess.CompletedProcess[str], Run]:
    (tmp_path / "train.py").write_text(script)
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "samefit", "run", "-o", "run", "train.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    return done, Run.open(tmp_path / "run")


@pytest.mark.parametrize("backend", [pytest.param("tensorflow", marks=pytest.mark.slow), "jax"])
def test_devices_are_chosen_after_keras_was_imported(backend: str, backends: tuple[str, ...], tmp_path: Path) -> None:
    if backend not in backends:
        pytest.skip(f"{backend} is not under test")
    done, found = run(tmp_path, backend, f"{SETTINGS[backend]}{TRAIN}train()\nassert {CHOSEN[backend]}\n")
    assert done.returncode == 0, done.stderr
    with found:
        assert (found.status, found.manifest["device"]) == ("complete", "cpu")


def test_a_second_keras_is_not_recorded_and_that_is_said(backends: tuple[str, ...], tmp_path: Path) -> None:
    if len(backends) < 2:
        pytest.skip("needs two backends")
    again = f'keras.config.set_backend("{backends[-1]}")\nimport keras\ntrain()\n'
    done, found = run(tmp_path, backends[0], f"import keras, numpy as np\n{TRAIN}train()\n{again}")
    assert done.returncode == 0, done.stderr
    assert "Keras was imported a second time" in done.stderr
    with found:
        assert "a second time" in found.manifest["recording_failed"]
        assert len(found.trainings) == 1
