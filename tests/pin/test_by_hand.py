"""A layer that is built outside of any model has its weights from then on; a model gives its layers their places."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("by_hand.py", each_backend)


@pytest.mark.parametrize("what", ["dense", "block", "counted", "attention", "cell", "updated", "deserialized"])
def test_no_call_changes_what_could_be_read(found: dict[str, Any], what: str) -> None:
    assert len(found[what]) > 1
    assert len(set(found[what])) == 1


def test_a_layer_starts_alike_built_by_hand_or_by_its_first_call(found: dict[str, Any]) -> None:
    assert found["dense"][0] == found["dense, only called"][0]
    assert found["block"][0] == found["block, only called"][0]


def test_weights_that_were_copied_from_one_to_another_stay_equal(found: dict[str, Any]) -> None:
    assert found["two differ"]
    assert found["a copy stays one"]
    assert found["limits"] == []


def test_layers_that_were_built_by_hand_get_the_places_of_their_model(found: dict[str, Any]) -> None:
    expected = found["models"]["sequential"]
    assert {name for name, one in found["models"].items() if one != expected} == set()


def test_where_only_the_run_shows_the_order_it_does_so_for_them_too(found: dict[str, Any]) -> None:
    assert len(set(found["order of run"])) == 1


def test_models_before_do_not_matter_to_a_layer_on_its_own(found: dict[str, Any]) -> None:
    assert found["after models"] == found["dense"][0]
    assert found["four differ"]


def test_a_layer_that_was_called_on_symbolic_tensors_gets_its_place_too(found: dict[str, Any]) -> None:
    assert found["called on symbolic tensors first"] == found["dense"][0]


def test_they_are_equal_on_all_backends(run_script: Run, backends: tuple[str, ...]) -> None:
    every = [run_script("by_hand.py", name) for name in backends]
    assert len({(one["dense"][0], one["block"][0], one["counted"][0], one["attention"][0]) for one in every}) == 1
