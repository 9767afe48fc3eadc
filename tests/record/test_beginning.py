"""What a step that is looked at begins with: values of another run, or those that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.handmade import dense, make_run

from samefit.backends.base import Delivered
from samefit.record import beginning
from samefit.record.beginning import Beginning, arrays_of, batch_in, with_arrays
from samefit.store.inside import Look
from samefit.store.records import VariableRecord
from samefit.types import Role

OWN = np.zeros((2, 3), np.float32)


@pytest.fixture
def variables(tmp_path: Path) -> tuple[VariableRecord, ...]:
    return make_run(tmp_path / "run", layers=[dense(2, 3)]).layouts[0]


def kept(tmp_path: Path, variables: tuple[VariableRecord, ...], *, without: str = "", prefix: str = "") -> None:
    values = {f"before/{prefix}{v.path}": np.ones(v.shape, np.float32) for v in variables if v.path != without}
    save_file(values, tmp_path / "state.safetensors")


def test_values_of_another_run(tmp_path: Path, variables: tuple[VariableRecord, ...]) -> None:
    kept(tmp_path, variables, prefix="their/")
    pairs = {v.path: f"their/{v.path}" for v in variables}
    begin = Beginning(Look(0, state="state.safetensors", pairs=pairs), tmp_path)
    assert begin.missing(variables) == ""
    assert np.array_equal(begin.value(variables[0].path, OWN), np.ones((2, 3)))


def test_a_variable_that_the_other_run_did_not_keep_is_named(
    tmp_path: Path, variables: tuple[VariableRecord, ...]
) -> None:
    kept(tmp_path, variables, without=variables[1].path)
    assert Beginning(Look(0, state="state.safetensors"), tmp_path).missing(variables) == variables[1].path


def test_seeds_and_what_has_no_partner_are_not_wanted(tmp_path: Path, variables: tuple[VariableRecord, ...]) -> None:
    seeds = [v.path for v in variables if v.role is Role.SEED]
    alone = variables[1].path
    kept(tmp_path, variables, without=alone)
    pairs = {v.path: v.path for v in variables if v.path not in (*seeds, alone)}
    assert Beginning(Look(0, state="state.safetensors", pairs=pairs), tmp_path).missing(variables) == ""


def test_without_another_run_nothing_is_wanted(tmp_path: Path, variables: tuple[VariableRecord, ...]) -> None:
    begin = Beginning(Look(0), tmp_path)
    assert begin.missing(variables) == ""
    assert begin.value(variables[0].path, OWN) is OWN


def test_one_unit_off(tmp_path: Path, variables: tuple[VariableRecord, ...]) -> None:
    moved = Beginning(Look(0, perturb=True), tmp_path).value(variables[0].path, OWN + 1)
    assert set(np.unique(moved)) == {np.nextafter(np.float32(1), np.float32(k)) for k in (0, 2)}


class Host:
    """Stands in for an adapter: its tensors are NumPy's."""

    to_numpy = staticmethod(np.asarray)


HOST: Any = Host()
X, Y, WEIGHTS = np.ones((4, 2), np.float32), np.arange(4), np.full(4, 2.0, np.float32)


@pytest.fixture
def tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "tensor_of", lambda value, like: value.astype(like.dtype))


@pytest.mark.parametrize("batch", [(X, None, WEIGHTS), ({"b": X, "a": Y}, Y, None), [X], X, Delivered([X, Y], None)])
@pytest.mark.usefixtures("tensors")
def test_a_batch_takes_the_values_of_another_one_in_its_own_form(tmp_path: Path, batch: Any) -> None:
    own = arrays_of(HOST, batch)
    save_file({**{name: array + 1 for name, array in own.items()}, "after/x": X}, tmp_path / "look.safetensors")
    given = with_arrays(HOST, batch, batch_in(tmp_path / "look.safetensors"))
    assert type(given) is type(batch)
    found = arrays_of(HOST, given)
    assert found.keys() == own.keys()
    assert all(np.array_equal(found[name], own[name] + 1) and found[name].dtype == own[name].dtype for name in own)
    # What came from it stays as it was.
    assert np.array_equal(X, np.ones((4, 2)))


def test_a_batch_of_another_form_is_not_given() -> None:
    with pytest.raises(ValueError, match="another form"):
        with_arrays(HOST, (X, Y), {"batch/0": X[:2], "batch/1": Y[:2]})


def test_what_is_no_number_is_not_kept() -> None:
    assert [*arrays_of(HOST, (X, np.array(["a", "b"])))] == ["batch/0"]
    assert arrays_of(HOST, None) == {}
