"""What the framework copies by itself, past Keras, stays equal as what was copied by Keras does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from samefit.by_object import ByObject
from samefit.pin.below import Holders

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("copies_below.py", each_backend)


def test_a_target_trains_as_one_that_keras_copied(found: dict[str, Any], each_backend: str) -> None:
    assert [equal for equal, *_ in found["by Keras"]] == [True, True]
    assert {name for name, results in found["trained"].items() if results != found["by Keras"]} == set()
    assert bool(found["trained"]) == (each_backend != "jax")


def test_networks_that_share_their_numbers_go_together(found: dict[str, Any]) -> None:
    assert all(found["shared"])


@pytest.mark.parametrize("what", ["differed before", "teachers", "after compile", "after training"])
def test_it_stays_equal(found: dict[str, Any], what: str) -> None:
    assert found[what]
    assert {name for name, good in found[what].items() if not good} == set()


def test_of_several_networks_each_has_its_own_copy(found: dict[str, Any]) -> None:
    assert found["each target is its critic"]
    assert all(found["each target is its critic"].values())


def test_nothing_is_said_of_what_is_known(found: dict[str, Any]) -> None:
    assert found["limits"] == found["limits of what stays"] == []


def test_where_two_may_be_the_original_the_copy_stays_and_it_is_said(found: dict[str, Any]) -> None:
    assert {name for name, result in found["which of two"].items() if result != ["ambiguous-copy", True]} == set()


@pytest.mark.parametrize(
    "what", ["scaled", "zeros", "soft", "not copied", "moved", "trained alike", "predicted", "constants"]
)
def test_what_is_no_copy_is_treated_as_none(found: dict[str, Any], what: str) -> None:
    assert found["stays"][what]


def test_draws_and_models_before_do_not_matter(run_script: Run, each_backend: str) -> None:
    assert run_script("copies_below.py", each_backend, "--draws") == run_script("copies_below.py", each_backend)


class Variable:
    def __init__(self, value: Any) -> None:
        self._value = value


def test_a_tensor_belongs_to_the_variable_that_holds_it_now() -> None:
    variables: ByObject[bool] = ByObject()
    holders = Holders("jax", variables)
    first, second, waiting, made_now = Variable([1]), Variable([2]), Variable(None), object.__new__(Variable)
    for variable in (first, waiting, made_now):
        variables.add(variable, True)
    assert holders.of(first._value) is first
    assert holders.of(second._value) is None
    variables.add(second, True)
    assert holders.of(second._value) is second
    waiting._value = [3]
    assert holders.of(waiting._value) is waiting
    before, first._value = first._value, [4]
    assert holders.of(before) is None
    del second, variable
    assert len(variables.things()) == 3
