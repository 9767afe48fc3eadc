"""What the user assigns is theirs, whatever its value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("how", ["by_set_weights", "by_assign", "by_assign_add", "by_file", "loaded"])
def test_what_was_assigned_is_no_value_to_be_placed_also_if_it_was_there_already(
    run_script: Run, each_backend: str, how: str
) -> None:
    assert run_script("assigned.py", each_backend)[how]


def test_what_only_keras_assigned_is_placed_as_ever(run_script: Run, each_backend: str) -> None:
    found = run_script("assigned.py", each_backend)
    assert found["not assigned"]
    # On JAX, Keras writes all weights back after a `predict`.
    assert found["predicting assigns nothing"]


def test_models_that_start_from_weights_of_the_users_are_not_called_equal(run_script: Run, each_backend: str) -> None:
    assert run_script("assigned.py", each_backend)["limits of given ones"] == []
