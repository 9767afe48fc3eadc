"""Initialisers in NumPy: the right distributions, and the same bits on every backend."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samefit.patches.pin_initializers import Draw
from samefit.pin.initializers import Stream, drawn, normal_quantile, rounded

Run = Callable[..., dict[str, Any]]
FIRST_NORMAL = [-0.5141658186912537, 1.0309110879898071, -1.010471224784851]
FIRST_UNIFORM = [-0.392863929271698, 0.6974174976348877, -0.6877304315567017]


@given(st.floats(2.0**-54, 1 - 2.0**-53))
def test_quantiles_are_those_of_the_standard_library(share: float) -> None:
    expected = statistics.NormalDist().inv_cdf(share)
    assert normal_quantile(np.array([share]))[0] == pytest.approx(expected, rel=1e-14, abs=1e-300)


@given(st.integers(0, 2**31 - 1), st.floats(-3, 3), st.floats(0.001, 4))
def test_uniform_values_never_reach_the_upper_bound(key: int, low: float, width: float) -> None:
    high = low + width
    values = drawn(Stream(key), Draw("uniform", low, high), (50,), "float32")
    assert values.dtype == np.float32
    assert np.all(values < high)


def test_rounding_up_stops_below_the_bound() -> None:
    assert rounded(np.array([1 - 2.0**-53]), "float32", below=1.0)[0] < 1.0
    assert rounded(np.array([1 - 2.0**-53]), "float64", below=1.0)[0] < 1.0


@given(st.integers(0, 2**31 - 1), st.integers(1, 600_000))
def test_a_stream_goes_on_as_it_began(key: int, count: int) -> None:
    """Values do not depend on how many come after them, nor on the size of the blocks."""
    short, long = Stream(key).normal(10, 0.0, 1.0), Stream(key).normal(count + 10, 0.0, 1.0)
    assert np.array_equal(short, long[:10])


def test_the_first_values_of_a_stream_are_kept_from_version_to_version() -> None:
    values = drawn(Stream(1), Draw("normal", 0.0, 1.0), (3,), "float32")
    assert values.tolist() == FIRST_NORMAL
    values = drawn(Stream(1), Draw("uniform", -1.0, 1.0), (3,), "float32")
    assert values.tolist() == FIRST_UNIFORM


def test_weights_of_all_layers_and_initialisers_are_equal_on_all_backends(
    run_script: Run, backends: tuple[str, ...]
) -> None:
    found = {name: run_script("layers_and_initializers.py", name)["found"] for name in backends}
    first = found[backends[0]]
    assert len(first) >= 30
    assert {(name, what) for name in backends for what in first if found[name][what] != first[what]} == set()


def test_they_have_the_distributions_of_keras(run_script: Run, backends: tuple[str, ...]) -> None:
    if "torch" not in backends:
        pytest.skip("compared on PyTorch, where it takes the least time")
    result = run_script("layers_and_initializers.py", "torch")
    assert len(result["native"]) == 11
    for name, (mean, deviation, *_) in result["native"].items():
        mine = result["moments"][name]
        # 60,000 values: a standard error of the mean is 0.4 % of the deviation, and four of them are far.
        assert mine[0] == pytest.approx(mean, abs=0.025 * deviation), name
        assert mine[1] == pytest.approx(deviation, rel=0.015), name
    # Two standard deviations of 1.5, where native PyTorch goes beyond.
    assert -3.0 <= result["moments"]["TruncatedNormal"][2] < -2.98
    assert 2.98 < result["moments"]["TruncatedNormal"][3] <= 3.0
    assert result["moments"]["RandomUniform"][2:] == pytest.approx([-2.0, 1.0], abs=0.001)
    assert result["found"]["orthonormal"] < 1e-6


@pytest.mark.parametrize("what", ["own functions", "own drawing", "loose layers"])
def test_what_is_the_users_own_is_repeated_too(run_script: Run, each_backend: str, what: str) -> None:
    assert run_script("layers_and_initializers.py", each_backend)["found"][what]
