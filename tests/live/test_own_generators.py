"""A generator at the top of a script that trains twice: what the first training drew of it moves the second."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process

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
    (cause,) = checked_in_a_process(each_backend, tmp_path, script, "--trainings", "1,2")["causes"]
    assert (cause["slug"], cause["confirmed"]) == ("generator-advanced", True)
    assert cause["counterfactual"].startswith(PUT_BACK.get(each_backend, "with G put back before #2"))
    assert cause["location"]["code"].startswith("G = ")


IN_A_MODULE = "import numpy as np\n\nG = np.random.{}(5)\n"
THAT_IMPORTS = """
import keras, numpy as np
from common import G
x = G.uniform(size=(96, 8)).astype("float32")
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, kernel_initializer="ones")])
model.compile("sgd", "mse")
model.fit(x, x.sum(1, keepdims=True), verbose=0, shuffle=False)
"""


@pytest.mark.parametrize(
    ("made_by", "slug", "line"),
    [
        ("default_rng", "generator-advanced", "G = np.random.default_rng(5)"),
        ("RandomState", "state-carried-over", None),
    ],
)
def test_what_a_script_before_drew_from_a_module_of_both_is_the_cause(
    any_backend: str, tmp_path: Path, made_by: str, slug: str, line: str | None
) -> None:
    """A script that runs alone is named as it was beside the other one: else its re-run would show nothing."""
    (tmp_path / "common.py").write_text(IN_A_MODULE.format(made_by))
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(THAT_IMPORTS)
    (cause,) = checked_in_a_process(any_backend, tmp_path, "one.py", "two.py", "--same-process")["causes"]
    assert (cause["slug"], cause["confirmed"]) == (slug, True)
    assert "run alone, in a fresh process" in cause["counterfactual"]
    assert line is None or cause["location"]["code"] == line
