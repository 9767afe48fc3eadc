"""Weights that are made outside of any `build` are pinned from the moment on when they can be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]

LORA = [
    "lora, then fit",
    "fit, lora, then fit",
    "lora, then a call",
    "lora of einsum",
    "lora of words",
    "lora of a layer",
]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("loose_weights.py", each_backend)


@pytest.mark.parametrize("what", ["Added", "Held"])
def test_two_layers_that_are_alike_begin_differently(found: dict[str, Any], what: str) -> None:
    assert len(found[what]) == 4
    assert len(set(found[what][:2])) == len(set(found[what][2:])) == 2
    assert found[f"limits of {what}"] == []


def test_an_update_before_the_first_call_stays(found: dict[str, Any]) -> None:
    assert len(set(found["updated"])) == 1


def test_layers_that_are_not_used_do_not_matter_to_those_that_are(found: dict[str, Any]) -> None:
    assert found["second built"] == found["second built, no others"] != found["first built"]


@pytest.mark.parametrize("what", LORA)
def test_an_adapter_has_its_values_as_soon_as_it_is_there(found: dict[str, Any], what: str) -> None:
    assert len(found[what]) == 2
    assert len(set(found[what])) == 1


def test_adapters_differ_and_the_order_of_enabling_does_not_matter(found: dict[str, Any]) -> None:
    assert len(set(found["two adapters"])) == 2
    assert found["two adapters"] == found["two adapters, turned"]


def test_draws_before_do_not_matter(run_script: Run, each_backend: str) -> None:
    # In a process of its own.
    assert run_script("loose_weights.py", each_backend, "--draws") == run_script("loose_weights.py", each_backend)


def test_they_are_equal_on_all_backends(run_script: Run, backends: tuple[str, ...]) -> None:
    every = [run_script("loose_weights.py", name) for name in backends]
    for what in ("Added", "Held", "alone", "updated", "two adapters", *LORA):
        assert len({tuple(one[what]) for one in every}) == 1, what
