"""Trainings that a strategy of TensorFlow shares out among replicas, within one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.live.checked import printed

from samefit.checks.check import check
from samefit.store.reader import Run

SCRIPT = """
import json
import sys

import keras
import numpy as np
import samefit
import tensorflow as tf

[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)


def train(num_replicas):
    keras.utils.set_random_seed(1)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(num_replicas)])
    with strategy.scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dropout(0.2), keras.layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
    # Five batches, of which the last one does not fill both replicas.
    x, y = np.random.default_rng(0).normal(size=(37, 4)).astype("float32"), np.arange(37) % 3
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return [float(np.abs(w).sum()) for w in model.get_weights()]


plain = {n: train(n) for n in (1, 2)}
with samefit.Recorder("run"):
    recorded = {n: train(n) for n in (1, 2)}
print(json.dumps([plain, recorded]))
"""

SIDES = """
import keras
import numpy as np
import tensorflow as tf


def train(activation):
    keras.utils.set_random_seed(1)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        layers = [keras.layers.Dense(6, name="first"), keras.layers.Activation(activation, name="second")]
        model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(3, "softmax")])
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    x, y = np.random.default_rng(0).normal(size=(64, 4)).astype("float32"), np.arange(64) % 3
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)


def plain():
    train("relu")


def changed():
    train("gelu")
"""


def test_batches_are_seen_whole_and_nothing_else_changes(tmp_path: Path, backends: tuple[str, ...]) -> None:
    if "tensorflow" not in backends:
        pytest.skip("tensorflow is not under test")
    plain, recorded = json.loads(printed(tmp_path, "tensorflow", SCRIPT))
    assert plain == recorded
    run = Run.open(tmp_path / "run")
    assert run.steps_without_batch() == []
    alone, shared = ([step.batch for step in run.steps([number])] for number in (1, 2))
    assert len(set(alone)) == 5
    assert alone == shared == alone[:5] * 2


@pytest.mark.slow
def test_a_step_in_one_replica_can_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backends: tuple[str, ...]
) -> None:
    if "tensorflow" not in backends:
        pytest.skip("tensorflow is not under test")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    (tmp_path / "train.py").write_text(SIDES)
    sides = [f"{tmp_path / 'train.py'}:{name}" for name in ("plain", "changed")]
    inside = check(*sides, directory=tmp_path / "runs", confirm=False, inside=True).inside
    assert inside is not None
    assert (inside.failed, inside.phase, inside.path) == ("", "forward", "second")
    assert all(distance is not None and distance < 1e-5 for distance in inside.distances)
