"""What only a GPU shows; skipped where there is none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("nvidia-smi") is None, reason="needs an NVIDIA GPU"),
]

EXAMPLE = Path(__file__).parents[2] / "examples" / "sequential_vs_subclass.py"

DRAWS = """
import json, torch
from samefit import backends
adapter = backends.load("torch")
torch.manual_seed(1)
before = adapter.mark()
draw = lambda: torch.rand(4, device="cuda").tolist() + torch.rand(4).tolist()
first = draw()
adapter.return_to(before)  # CUDA came into use after the mark
second = draw()
state = adapter.generator_state()
third = draw()
moved = adapter.generator_state() != state
adapter.set_generator_state(state)
print(json.dumps([first, second, third, draw(), moved]))
"""

OWN_DRAWS = """
import keras, numpy as np, torch
x = np.random.default_rng(0).standard_normal((256, 8)).astype("float32")
class Noise(keras.layers.Layer):
    def call(self, x):
        return x + 0.1 * torch.randn(x.shape, device=x.device)
def train():
    model = keras.Sequential([keras.Input((8,)), Noise(), keras.layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], epochs=1, batch_size=32, verbose=0, shuffle=False)
keras.utils.set_random_seed(1)
train()
train()
"""


def test_draws_on_cuda_are_put_back(backends: tuple[str, ...]) -> None:
    if "torch" not in backends:
        pytest.skip("needs PyTorch")
    done = subprocess.run([sys.executable, "-c", DRAWS], check=True, capture_output=True, text=True)
    first, second, third, fourth, moved = json.loads(done.stdout)
    assert (first, third) == (second, fourth)
    assert third != second
    assert moved


def test_draws_on_cuda_are_a_cause(backends: tuple[str, ...], tmp_path: Path) -> None:
    if "torch" not in backends:
        pytest.skip("needs PyTorch")
    script = tmp_path / "train.py"
    script.write_text(OWN_DRAWS)
    found = checked_in_a_process("torch", tmp_path, script, "--trainings", "1,2")
    assert [(cause["slug"], cause["confirmed"]) for cause in found["causes"]] == [("generator-advanced", True)]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_first_cause_is_found_and_then_the_kernels(backends: tuple[str, ...], backend: str, tmp_path: Path) -> None:
    if backend not in backends:
        pytest.skip(f"needs {backend}")
    found = checked_in_a_process(backend, tmp_path, EXAMPLE, "--trainings", "1,2", "--pin", "42")
    assert found["verdict"] == "identical"
    first, *rest = found["unpinned"]["causes"]
    assert (first["slug"], first["confirmed"]) == ("generator-advanced", True)
    # Kernels may have given the same bits by chance.
    assert [(cause["slug"], cause["confirmed"]) for cause in rest] in ([], [("nondeterministic-op", True)])
