"""Nothing around a training shifts it, and leaving the scope puts everything back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("isolation.py", each_backend)


def test_every_training_is_the_one_alone(found: dict[str, Any]) -> None:
    assert len(found["surroundings"]) == 15
    assert {name for name, digest in found["surroundings"].items() if digest != found["alone"]} == set()
    assert len(set(found["compiled"].values())) == 1


def test_alone_is_alone_in_a_fresh_process(run_script: Run, any_backend: str) -> None:
    found = run_script("isolation.py", any_backend)
    assert run_script("any_sequence.py", any_backend, "6")["compiled"] == found["compiled"]["alone"]


def test_the_second_training_of_a_model_is_another_one_and_the_same_each_time(found: dict[str, Any]) -> None:
    assert found["second"] == found["second again"] != found["alone"]


def test_direct_calls_of_the_model_and_of_its_layers_shift_no_training(found: dict[str, Any]) -> None:
    assert found["second, after direct calls"] == found["second"]
    plain, looked_at = found["built by a call"]
    assert looked_at == plain
    assert found["by hand, after direct calls"] == found["by hand"]


def test_direct_calls_within_a_loop_are_steps_of_it(found: dict[str, Any]) -> None:
    assert found["by hand, with direct calls"] != found["by hand"]


def test_the_inner_scope_pins(found: dict[str, Any]) -> None:
    assert found["another seed"] != found["alone"] == found["after an inner scope"]


def test_callbacks_draw_other_numbers_each_time_and_the_same_in_each_training(found: dict[str, Any]) -> None:
    drawn = found["draws of a callback"]
    half = len(drawn) // 2
    assert half == 17
    assert drawn[:half] == drawn[half:]
    assert len(set(drawn)) == half


def test_callbacks_are_the_users_again(found: dict[str, Any]) -> None:
    assert found["hooks are the user's again"]


def test_evaluation_does_not_shift_a_loop_by_hand(found: dict[str, Any]) -> None:
    assert found["by hand, evaluated"] == found["by hand"]


def test_each_prediction_draws_anew_and_shifts_no_training(found: dict[str, Any]) -> None:
    often, once = found["monte carlo"]
    assert len({*often["seen"], *often["mixed"]}) == 6
    assert often["seen"][:1] == once["seen"]
    assert (often["trained"], often["after"]) == (once["trained"], once["after"])


def test_any_sequence_of_other_things(run_script: Run, any_backend: str) -> None:
    assert run_script("any_sequence.py", any_backend, "6")["tried"] >= 6


@pytest.mark.slow
def test_any_sequence_of_other_things_at_length(run_script: Run, each_backend: str) -> None:
    assert run_script("any_sequence.py", each_backend, "60")["tried"] >= 60


def test_leaving_puts_everything_back(run_script: Run, each_backend: str) -> None:
    found = run_script("restored.py", each_backend)
    assert found["changed"] == []
    assert found["hooks"] > 100


def test_a_framework_that_is_imported_in_the_scope_is_seeded_as_if_it_had_been_there(
    run_script: Run, backends: tuple[str, ...]
) -> None:
    own = next((name for name in backends if name != "tensorflow"), None)
    if own is None:
        pytest.skip("on TensorFlow it is always there")
    before, inside = (run_script("late_framework.py", own, when) for when in ("before", "inside"))
    assert before == inside
    assert inside["seed"] is None
    # Its pipelines may feed a training of any backend: they repeat inside of a scope, whenever it came.
    assert inside["switched"] == [True, True, True, False, "on"]


def test_a_scope_imports_no_framework_that_is_not_used(run_script: Run, backends: tuple[str, ...]) -> None:
    for name in backends:
        if name != "tensorflow":
            run_script("late_framework.py", name, "never")
