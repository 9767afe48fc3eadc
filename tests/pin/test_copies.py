"""What the user made equal stays equal, wherever it is put; what they assigned otherwise stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("copies.py", each_backend)


def test_a_target_that_was_set_equal_is_equal_when_a_training_begins(found: dict[str, Any]) -> None:
    # However it was set, it is one training.
    assert len(found["trained"]) == 8
    assert {name for name, (equal, *_) in found["trained"].items() if not equal} == set()
    assert len({tuple(result) for result in found["trained"].values()}) == 1
    assert found["moved"] not in ("unequal", found["alone"])


def test_which_of_the_two_is_looked_at_first_does_not_matter(found: dict[str, Any]) -> None:
    assert {name for name, (equal, *_) in found["turned"].items() if not equal} == set()
    assert len({tuple(result) for result in found["turned"].values()}) == 1


def test_copies_made_later_and_copies_that_are_no_networks(found: dict[str, Any]) -> None:
    assert found["copied in build"]
    assert found["averages"] == [True] * 4


def test_of_several_networks_that_begin_alike_each_has_its_own_copy(found: dict[str, Any]) -> None:
    assert found["critics differ"]
    assert found["each target is its critic"] == [True, True]


def test_a_copy_goes_where_its_original_goes_and_not_by_itself(found: dict[str, Any]) -> None:
    assert found["a copy outside goes along"] == [True, True]
    assert found["the original outside"] == [found["alone"]] * 2


def test_nothing_is_said_of_what_is_known(found: dict[str, Any]) -> None:
    assert found["limits"] == found["limits of others"] == found["limits of what stays"] == []


def test_where_two_may_be_the_original_the_copy_stays_and_it_is_said(found: dict[str, Any]) -> None:
    assert found["which of two"] == [found["alone"]] * 2
    assert found["limits of which of two"] == ["ambiguous-copy"]


@pytest.mark.parametrize(
    "what", ["scaled", "averaged", "changed in place", "zeros", "restored", "trained since", "constants"]
)
def test_what_is_no_copy_stays_as_it_was_assigned(found: dict[str, Any], what: str) -> None:
    assert found["stays"][what]


def test_draws_and_models_before_do_not_matter(run_script: Run, each_backend: str) -> None:
    # In a process of its own.
    assert run_script("copies.py", each_backend, "--draws") == run_script("copies.py", each_backend)


def test_they_begin_alike_on_all_backends(run_script: Run, backends: tuple[str, ...]) -> None:
    assert len({run_script("copies.py", name)["moved"] for name in backends}) == 1
