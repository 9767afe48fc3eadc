"""The table of differences between backends: nothing is left out unsaid, and no gap is called what it is not."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"
NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def table() -> Any:
    spec = importlib.util.spec_from_file_location("backend_differences", DOCS / "_backend_differences.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("near", "far", "moved", "expected"),
    [
        (0.0, NAN, NAN, "bits"),
        (1e-7, 1e-7, 1e-9, "rounding"),
        (1e-3, 1e-12, 1e-3, "rounding"),
        (1e-6, 1e-6, 3e-7, "close"),
        (1e-3, 1e-3, 1e-7, "differs"),
        # The corner of an activation: a unit in the last place changes the side there, which excuses nothing.
        (0.5, 0.5, 1.0, "differs"),
        # NaN on one backend only, and not in float64.
        (INF, 0.0, 1e-7, "differs"),
        (1e-3, NAN, NAN, "differs"),
    ],
)
def test_a_gap_is_rounding_only_if_float64_or_the_floor_shows_it(
    table: Any, near: float, far: float, moved: float, expected: str
) -> None:
    assert table.classified(near, far, moved) == expected


def test_gaps_see_what_is_not_a_number_and_other_shapes(table: Any) -> None:
    assert table.gap([1.0, NAN], [1.0, NAN]) == 0.0
    assert table.gap([1.0, NAN], [1.0, 2.0]) == INF
    assert table.gap([INF, 1.0], [INF, 1.0]) == 0.0
    assert table.gap([1.0], [1.0, 1.0]) == INF
    assert table.gap([3.0, 4.0], [3.0, 4.5]) == pytest.approx(0.1)


def test_a_gradient_that_is_zero_but_for_noise_is_no_difference(table: Any) -> None:
    one = {"gradient 0": np.array([1.0, 2.0]), "gradient 1": np.array([1e-9])}
    other = {"gradient 0": np.array([1.0, 2.0]), "gradient 1": np.array([-1e-9])}
    assert table.gaps(one, other)["gradient 1"] < table.SMALL


def test_every_layer_loss_optimizer_and_activation_is_computed_or_left_out_with_a_reason() -> None:
    code = "import sys; sys.path.insert(0, 'docs'); import _backend_items as items; print(sorted(items.missing()))"
    environment = {**os.environ, "KERAS_BACKEND": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=DOCS.parent, env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
