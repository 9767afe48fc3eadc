"""A generator at the top of a script that trains twice: what the first training drew of it moves the second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = """
import keras, numpy as np
x = np.random.default_rng(0).standard_normal((96, 8)).astype("float32")
y = x.sum(1, keepdims=True)
def train(*data, **options):
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    model.fit(*data, epochs=2, verbose=0, **options)
"""
SCRIPTS = {
    "jax": """
G = np.random.default_rng(5)
for _ in range(2):
    rows = G.permutation(96)
    train(x[rows], y[rows], shuffle=False)
""",
    "tensorflow": """
import tensorflow as tf
G = tf.random.Generator.from_seed(5)
noisy = lambda a, b: (a + G.normal(tf.shape(a)), b)
for _ in range(2):
    train(tf.data.Dataset.from_tensor_slices((x, y)).batch(16).map(noisy))
""",
    "torch": """
import torch
from torch.utils.data import DataLoader, TensorDataset
G = torch.Generator().manual_seed(5)
loader = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=16, shuffle=True, generator=G)
for _ in range(2):
    train(loader)
""",
}
PUT_BACK = {"jax": "with G made anew after #1", "tensorflow": "with G put back before #2"}


@pytest.mark.slow
def test_what_an_earlier_training_drew_is_the_cause(each_backend: str, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(HEAD + SCRIPTS[each_backend])
    command = [sys.executable, "-m", "samefit", "check", script, "--trainings", "1,2", "--json", tmp_path / "out.json"]
    environment = {**os.environ, "KERAS_BACKEND": each_backend}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stdout + done.stderr
    (cause,) = json.loads((tmp_path / "out.json").read_text())["causes"]
    assert (cause["slug"], cause["confirmed"]) == ("generator-advanced", True)
    assert cause["counterfactual"].startswith(PUT_BACK.get(each_backend, "with G put back before #2"))
    assert cause["location"]["code"].startswith("G = ")
