"""A probe on disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.models_by_hand import RESIDUAL, make_probe

from samefit.errors import RunError
from samefit.store.probes import KEPT, load_data, load_probe, numbered, save_data, save_probe, thinned


def test_what_is_written_is_read(tmp_path: Path) -> None:
    probe = make_probe(RESIDUAL)
    save_probe(tmp_path, probe)
    found = load_probe(tmp_path)
    assert replace(found, arrays={}, run="") == replace(probe, arrays={})
    assert all(np.array_equal(found.arrays[name], array) for name, array in probe.arrays.items())


def test_data_that_is_written_is_read(tmp_path: Path) -> None:
    save_data(tmp_path, {"b": 0, "a": 1}, [np.zeros(3), np.ones(2)], [np.ones(1)], 0)
    structure, arrays, targets, targets_structure = load_data(tmp_path)
    assert (structure, targets_structure) == ({"b": 0, "a": 1}, 0)
    assert [a.tolist() for a in (*arrays, *targets)] == [[0, 0, 0], [1, 1], [1]]


def test_a_directory_without_a_probe_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no model"):
        load_probe(tmp_path)


def test_large_arrays_are_thinned() -> None:
    assert thinned(np.zeros((1000, 1000))).size == KEPT
    assert thinned(np.zeros((3, 3))).shape == (3, 3)


def test_numbered() -> None:
    arrays = {f"data/{i}": np.array(i) for i in range(12)}
    assert [int(a) for a in numbered(arrays, "data/")] == list(range(12))
