"""Random architectures, in all styles and with anything in between, start from the same weights and layer seeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


def test_random_architectures_start_alike_in_every_style(run_script: Run, backends: tuple[str, ...]) -> None:
    assert run_script("random_models.py", backends[0], "25")["tried"] >= 25


@pytest.mark.slow
def test_many_random_architectures_start_alike_in_every_style(run_script: Run, each_backend: str) -> None:
    assert run_script("random_models.py", each_backend, "150")["tried"] >= 150
