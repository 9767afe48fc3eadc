"""PyTorch's compiler follows hooks as well: they must give it nothing that changes from step to step."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import contextlib
import hashlib
import json
import sys

import keras
import numpy as np
import samefit
import torch


def train():
    torch._dynamo.reset()
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(8, activation="gelu"), keras.layers.LayerNormalization()]
    # More kinds of layers, and ways to call them, than torch.compile takes of one function.
    layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.2, seed=1), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((5,)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, jit_compile=True)
    x, y = np.random.default_rng(0).normal(size=(128, 5)).astype("float32"), np.arange(128) % 3
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return hashlib.md5(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


scopes = {
    "plain": contextlib.nullcontext,
    "recorded": lambda: samefit.Recorder("run"),
    "pinned": lambda: samefit.pinned(1),
}
found = []
for _ in range(2 if sys.argv[1] == "pinned" else 1):
    with scopes[sys.argv[1]]():
        found.append(train())
limits = [k for k in torch._dynamo.utils.counters if "limit" in k]
print(json.dumps([found, torch._dynamo.utils.counters["stats"]["unique_graphs"], limits]))
"""

pytestmark = pytest.mark.slow


def ran(home: Path, scope: str) -> tuple[list[str], int, list[str]]:
    (home / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": "torch"}
    command = [sys.executable, "train.py", scope]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weights, graphs, limits = json.loads(done.stdout.splitlines()[-1])
    return weights, graphs, limits


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch compiles with a compiler of C++")
def test_a_compiled_training_is_the_same_with_the_recorder_and_pinned_twice(
    tmp_path: Path, backends: tuple[str, ...]
) -> None:
    if "torch" not in backends:
        pytest.skip("not under test")
    plain, graphs, _ = ran(tmp_path, "plain")
    recorded, more, limits = ran(tmp_path, "recorded")
    assert recorded == plain
    assert (limits, more <= 2 * graphs) == ([], True)
    pinned, _, limits = ran(tmp_path, "pinned")
    assert pinned[0] == pinned[1]
    assert limits == []
