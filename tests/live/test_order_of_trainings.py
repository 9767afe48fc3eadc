"""Two models that are trained one after the other, or in turn, and not in the same order on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.live.checked import checked_in_a_process

SCRIPT = """
import sys, keras, numpy as np
x = np.random.default_rng(0).standard_normal((48, 4)).astype("float32")
y = x.sum(1, keepdims=True)

def made(activation, optimizer):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation), keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model

def train(*models):
    for model in models:
        model.fit(x, y, batch_size=16, verbose=0)

def loop(*models):
    for model in models:
        for i in range(3):
            model.train_on_batch(x[16 * i:][:16], y[16 * i:][:16])

def alternate(*models):
    for i in range(3):
        for model in models:
            model.train_on_batch(x[16 * i:][:16], y[16 * i:][:16])

keras.utils.set_random_seed(1)
one, other = made("relu", "sgd"), made("tanh", "adam")
globals()[sys.argv[1]](*((one, other) if sys.argv[2] == "forth" else (other, one)))
"""


def check(backend: str, tmp_path: Path, first: str, second: str) -> dict[str, Any]:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    return checked_in_a_process(backend, tmp_path, f"{script} {first}", f"{script} {second}")


@pytest.mark.slow
@pytest.mark.parametrize("how", ["loop", "alternate"])
def test_each_model_is_held_against_itself(each_backend: str, tmp_path: Path, how: str) -> None:
    found = check(each_backend, tmp_path, f"{how} forth", f"{how} back")
    assert (found["verdict"], found["steps_compared"]) == ("identical", 6)
    assert any("in another order" in note for note in found["notes"])


def test_the_order_is_said_where_it_is_the_cause(any_backend: str, tmp_path: Path) -> None:
    found = check(any_backend, tmp_path, "train forth", "train back")
    if any_backend == "tensorflow":
        # Its order is the same in each fit, whatever else is trained.
        assert found["verdict"] == "identical"
        return
    assert [(cause["slug"], cause["confirmed"]) for cause in found["causes"]] == [("generator-advanced", True)] * 2
    for cause in found["causes"]:
        assert cause["evidence"][0]["text"].startswith("this model is trained as number ")
        assert cause["remedy"].startswith("train the models in the same order")


@pytest.mark.slow
def test_models_that_take_turns_alike_are_paired_as_before(each_backend: str, tmp_path: Path) -> None:
    found = check(each_backend, tmp_path, "alternate forth", "alternate forth")
    assert found["verdict"] == "identical"
    assert not any("in another order" in note for note in found["notes"])
