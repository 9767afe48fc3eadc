"""What all tests share: the backends under test, a clean process around each test, and comparisons made by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings

from samefit.comparison.result import Comparison, SideSummary
from samefit.types import Location, Verdict

BACKENDS = tuple(name for name in os.environ.get("SAMEFIT_TEST_BACKENDS", "jax,tensorflow,torch").split(",") if name)

# The same examples in every run: a test suite about repeatability should not itself draw from the clock.
settings.register_profile("samefit", derandomize=True, deadline=None)
settings.load_profile("samefit")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with an argument `each_backend` runs once for each backend under test (in a subprocess of its own).

    With `any_backend` it does so, too, and all but the first are slow: what they share is most of what is tested.
    """
    if "each_backend" in metafunc.fixturenames:
        metafunc.parametrize("each_backend", BACKENDS)
    if "any_backend" in metafunc.fixturenames:
        slow = [pytest.param(name, marks=pytest.mark.slow) for name in BACKENDS[1:]]
        metafunc.parametrize("any_backend", [*BACKENDS[:1], *slow])


@pytest.fixture(scope="session")
def backends() -> tuple[str, ...]:
    """The backends that the environment variable SAMEFIT_TEST_BACKENDS names."""
    return BACKENDS


@pytest.fixture(autouse=True)
def clean_process() -> Iterator[None]:
    """Puts environment, module search path and working directory back after each test."""
    environment, path, directory = dict(os.environ), list(sys.path), os.getcwd()
    yield
    os.chdir(directory)
    sys.path[:] = path
    if dict(os.environ) != environment:
        os.environ.clear()
        os.environ.update(environment)


@pytest.fixture
def make_side() -> Callable[..., SideSummary]:
    """Makes one side of a comparison: training #1 of train.py on JAX, unless told otherwise."""

    def make(**changes: Any) -> SideSummary:
        values: dict[str, Any] = {
            "run": "/runs/a",
            "target": "train.py",
            "trainings": (1,),
            "models": ('Sequential "residual"',),
            "locations": (Location("/code/train.py", 41, "model.fit(x, y)"),),
            "steps": 45,
            "backend": "jax",
            "versions": {"jax": "0.10.2", "keras": "3.15.1"},
        }
        return SideSummary(**(values | changes))

    return make


@pytest.fixture
def make_comparison(make_side: Callable[..., SideSummary]) -> Callable[..., Comparison]:
    """Makes a comparison: two identical trainings, unless told otherwise."""

    def make(**changes: Any) -> Comparison:
        values: dict[str, Any] = {
            "verdict": Verdict.IDENTICAL,
            "baseline": make_side(),
            "candidate": make_side(
                trainings=(2,), models=("ResidualNet",), locations=(Location("/code/train.py", 42, "twin.fit(x, y)"),)
            ),
            "steps_compared": 45,
        }
        return Comparison(**(values | changes))

    return make
