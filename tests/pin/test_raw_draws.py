"""Draws of layers and models that go past Keras while they are made, or in a `train_step`, are said with their line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]
LINES = {
    "build": 'self.b = keras.Variable(np.random.normal(size=(4, 4)).astype("float32"), trainable=False)',
    "init": "return [[random.gauss(0, 1) for _ in range(4)] for _ in range(4)]",
    "step": "scale = np.random.normal()",
}


@pytest.mark.parametrize("where", LINES)
def test_a_draw_is_said(run_script: Run, any_backend: str, where: str) -> None:
    assert run_script("draws_of_layers.py", any_backend)[where] == [["raw-draw", LINES[where]]]


@pytest.mark.parametrize("where", ["initializer", "graph"])
def test_what_an_initialiser_draws_is_not(run_script: Run, any_backend: str, where: str) -> None:
    assert run_script("draws_of_layers.py", any_backend)[where] == []
