"""Inside of a scope `keras.random` and Keras's noisy layers give the same values on every backend, compiled or not."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent / "scripts"
ULPS = 3
"""By how many units in the last place normal values may differ from JAX's."""


@functools.cache
def draws_of(backend: str, folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    file = folder / f"{backend}.npz"
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(SCRIPTS / "draws.py"), str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    with np.load(file) as normals:
        return json.loads(done.stdout), dict(normals)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("draws")


def eager(name: str) -> str:
    return f"{name.rsplit(' ', 1)[0]} eager"


def ulps_apart(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> int:
    """Returns how many numbers of their type lie between two arrays, at most."""
    if not a.size:
        return 0
    words = [np.atleast_1d(value).view(f"int{value.dtype.itemsize * 8}").astype(np.int64) for value in (a, b)]
    low = np.iinfo(f"int{a.dtype.itemsize * 8}").min
    ordered = [np.where(word < 0, low - word, word) for word in words]
    return int(np.abs(ordered[0] - ordered[1]).max())


@pytest.mark.slow
def test_all_draws_are_bit_equal_and_normal_ones_nearly(folder: Path, backends: tuple[str, ...]) -> None:
    found = {name: draws_of(name, folder) for name in backends}
    result, normals = found[backends[0]]
    for backend in backends:
        digests = found[backend][0]["digests"]
        assert len(digests) >= 100
        assert {name for name in digests if digests[name] != result["digests"][eager(name)]} == set(), backend
        apart = {name: ulps_apart(normals[eager(name)], value) for name, value in found[backend][1].items()}
        assert len(apart) >= 40
        assert max(apart.values()) <= ULPS, backend
        # Drawn from gamma, which no backend shares with another.
        assert found[backend][0]["limits"] == ["native-distribution"]


@pytest.mark.slow
def test_noisy_layers_give_the_same_on_all_backends(
    run_script: Callable[..., dict[str, Any]], backends: tuple[str, ...]
) -> None:
    found = {name: run_script("masks.py", name) for name in backends}
    first = found[backends[0]]
    assert len(first) >= 16
    for name in first:
        values = [np.array(found[backend][name]) for backend in backends]
        for other in values[1:]:
            assert np.array_equal(values[0] == 0, other == 0), name
            assert values[0] == pytest.approx(other, abs=1e-6), name
        assert name == "trained" or not np.array_equal(values[0][0], values[0][1]), name
