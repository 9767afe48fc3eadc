"""What a script draws itself is its own: no training, and nothing that Keras makes, takes from it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("own_stream.py", each_backend)


def test_a_training_and_a_layer_leave_the_generators_where_they_were(found: dict[str, Any]) -> None:
    alone = found["around nothing"]
    assert {name for name, drawn in found["around"].items() if drawn != alone} == set()


def test_a_random_search_draws_another_trial_each_time(found: dict[str, Any]) -> None:
    assert len(set(map(tuple, found["search"]))) == len(found["search"]) == 4


def test_a_training_that_had_ended_is_taken_up_for_more_epochs(found: dict[str, Any]) -> None:
    assert len(set(found["extended"])) <= 1


def test_layers_that_nobody_uses_shift_no_loop_by_hand(found: dict[str, Any]) -> None:
    alone, among_layers = found["loop"]
    assert among_layers == alone


def test_a_loop_that_draws_is_said_and_no_other(found: dict[str, Any]) -> None:
    drawing = {"random", "numpy", "keras", "framework"}
    assert found["said of loops"] == {name: ["own-loop"] * (name in drawing) for name in found["said of loops"]}
    assert drawing < found["said of loops"].keys()


def test_a_seed_that_the_user_sets_is_that_of_default_seeds_too(found: dict[str, Any]) -> None:
    one, other, later = found["seeded"]
    assert one == other
    assert not set(one) & set(later)


TRAIN = """
import keras, numpy as np
x = np.ones((8, 4), "float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], verbose=0)
"""


def test_the_seeds_of_two_scopes_are_still_named_as_the_cause(tmp_path: Path, any_backend: str) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    environment = {**os.environ, "KERAS_BACKEND": any_backend, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def samefit(*arguments: str) -> str:
        command = [sys.executable, "-m", "samefit", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    said = [samefit("run", "--pin", seed, "-o", f"run-{seed}", "train.py") for seed in ("1", "2")]
    report = samefit("compare", "run-1", "run-2")
    assert "different-seed" in report, (said, report)
    assert "set_random_seed(1)" in report, report
