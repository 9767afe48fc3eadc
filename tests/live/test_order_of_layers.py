"""Two heads that one line makes in a loop, in another order for the second training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.live.checked import checked_in_a_process

SCRIPT = """
import keras, numpy as np
x = np.random.default_rng(0).standard_normal((96, 8)).astype("float32")
y = {"one": x[:, :1], "two": x[:, 1:2]}
def train(names):
    keras.utils.set_random_seed(3)
    inputs, heads = keras.Input((8,)), {}
    for name in names:
        heads[name] = keras.layers.Dense(1, name=name)(keras.layers.Dense(4, "relu")(inputs))
    model = keras.Model(inputs, heads)
    model.compile("sgd", "mse")
    model.fit(x, y, epochs=1, batch_size=32, verbose=0)
train(("one", "two"))
train(ORDER)
"""


def checked(backend: str, tmp_path: Path, order: str) -> dict[str, Any]:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.replace("ORDER", order))
    return checked_in_a_process(backend, tmp_path, script, "--trainings", "1,2")


@pytest.mark.slow
def test_the_order_is_the_cause(each_backend: str, tmp_path: Path) -> None:
    (cause,) = checked(each_backend, tmp_path, '("two", "one")')["causes"]
    assert (cause["slug"], cause["confirmed"]) == ("generator-advanced", True)
    assert "make the same layers, but in another order" in cause["summary"]
    assert cause["remedy"].startswith("construct the layers in the same order")


@pytest.mark.slow
def test_the_same_order_is_none(each_backend: str, tmp_path: Path) -> None:
    assert checked(each_backend, tmp_path, '("one", "two")')["verdict"] == "identical"
