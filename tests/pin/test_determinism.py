"""The switches of the frameworks are on inside of a scope, put back outside, and said in the manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

SWITCHES = {
    # XLA repeats its bits on the CPU; its flag is for a GPU, and is set only before JAX was used.
    "jax": {"jax_default_matmul_precision": "highest"},
    "tensorflow": {"op determinism": "on", "updates": "after all gradients"},
    "torch": {"deterministic algorithms": "on"},
}
FLAGS = {
    "jax": {"jax_default_matmul_precision": "highest"},
    "tensorflow": {"op_determinism": True},
    "torch": {"deterministic_algorithms": True},
}


def test_switches_are_on_inside_and_put_back_outside(run_script: Run, each_backend: str) -> None:
    found = run_script("restored.py", each_backend)
    assert found["switched"].items() >= SWITCHES[each_backend].items()
    assert found["inside"].items() >= FLAGS[each_backend].items()
    assert found["refused"] == []
    assert found["after the inner scope"] == found["inside"]
    assert found["after"] == found["before"]


def test_no_weight_is_updated_before_all_gradients_are_computed(run_script: Run) -> None:
    found = run_script("updates.py", "tensorflow")
    assert (found["right"], found["wrong"]) == (30, 0)
    assert found["sparse"] > 0


SCRIPT = """
import keras, numpy as np
x = np.ones((8, 2), "float32")
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
def batches():
    while True:
        yield x, x[:, :1]
model.fit(batches(), steps_per_epoch=2, verbose=0)
"""


def manifest_of_pinned(tmp_path: Path, backend: str, **variables: str) -> dict[str, Any]:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"} | {"KERAS_BACKEND": backend, **variables}
    command = [sys.executable, "-m", "samefit", "run", "--pin", "42", "-o", tmp_path / "run", script]
    subprocess.run(command, check=True, env=environment, capture_output=True)
    manifest: dict[str, Any] = json.loads((tmp_path / "run" / "manifest.json").read_text())
    return manifest


def test_the_manifest_says_what_was_pinned_and_what_was_not(backends: tuple[str, ...], tmp_path: Path) -> None:
    backend = backends[0]
    manifest = manifest_of_pinned(tmp_path, backend)
    report = manifest["pin_report"]
    (limit,) = report["limits"]
    assert limit["kind"] == "own-order"
    assert limit["text"].startswith("A Python generator has an order of its own.")
    assert limit["remedy"]
    assert report["switched"].items() >= SWITCHES[backend].items()
    if backend == "jax":
        # In time: the device is asked for only after that.
        assert report["switched"]["XLA_FLAGS"] == "--xla_gpu_deterministic_ops=true"
    assert manifest["flags"].items() >= FLAGS[backend].items()


def test_a_precision_that_the_user_chose_stays(backends: tuple[str, ...], tmp_path: Path) -> None:
    if "jax" not in backends:
        pytest.skip("needs JAX")
    manifest = manifest_of_pinned(tmp_path, "jax", JAX_DEFAULT_MATMUL_PRECISION="high")
    assert manifest["flags"]["jax_default_matmul_precision"] == "high"
    assert "jax_default_matmul_precision" not in manifest["pin_report"]["switched"]
