"""What a script draws itself is its own: no training, and nothing that Keras makes, takes from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("own_stream.py", each_backend)


def test_a_training_leaves_the_generators_where_they_were(found: dict[str, Any]) -> None:
    alone = found["around nothing"]
    assert {name for name, drawn in found["around"].items() if drawn != alone} == set()


def test_a_random_search_draws_another_trial_each_time(found: dict[str, Any]) -> None:
    assert len(set(map(tuple, found["search"]))) == len(found["search"]) == 4


def test_a_training_that_had_ended_is_taken_up_for_more_epochs(found: dict[str, Any]) -> None:
    assert len(set(found["extended"])) <= 1
