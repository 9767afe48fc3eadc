"""Models that share random layers train as if each were alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("shared_layers.py", each_backend)


def test_a_fold_sees_the_augmentation_that_it_sees_alone(found: dict[str, Any]) -> None:
    assert found["folds"] == found["unbuilt folds"] == found["alone"]
    assert len(set(found["alone"])) == 3


def test_a_model_goes_on_counting_over_its_own_trainings_only(found: dict[str, Any]) -> None:
    first, second, other = found["three"]
    assert first == other != second
    assert found["three, others in between"] == found["three, calls in between"] == found["three"]
    assert found["three, one that fails"] in (None, found["three"])


def test_seeds_that_the_user_wrote_stay(found: dict[str, Any]) -> None:
    assert found["three, seeds written"] == found["three, seeds written alone"] != found["three"]


def test_a_loop_begins_as_if_no_other_model_had_been_trained(found: dict[str, Any]) -> None:
    assert found["loop after a fit"] == found["loop"]
