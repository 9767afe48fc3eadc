"""Keras's random layers in a `tf.data` pipeline, on every backend: as often as it is run, the same values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def seen(run_script: Run, any_backend: str) -> dict[str, Any]:
    return run_script("mapped.py", any_backend)


def test_layers_in_a_map_draw_the_same_in_another_process(
    run_script: Run, any_backend: str, seen: dict[str, Any]
) -> None:
    # `run_script` keeps what a script printed, by its arguments.
    assert run_script("mapped.py", any_backend, "again")["found"] == seen["found"]


def test_layers_in_a_map_draw_anew_in_each_epoch(seen: dict[str, Any]) -> None:
    for name, (first, second) in seen["found"].items():
        assert first != second, name


def test_a_seed_of_the_users_gives_the_same_in_parallel(seen: dict[str, Any]) -> None:
    assert seen["found"]["seeded, in parallel"] == seen["found"]["seeded"]
    assert seen["found"]["seeded, fit, in parallel"] == seen["found"]["seeded, fit"]


def test_what_python_drew_before_does_not_move_them(seen: dict[str, Any]) -> None:
    assert seen["found"]["after 3 draws"] == seen["found"]["after 0 draws"]


def test_a_layer_from_outside_is_said(seen: dict[str, Any]) -> None:
    # The script trains models that are alike.
    assert set(seen["limits"]) == {"own-order", "equal-models"}
    (kind, text), *others = seen["outside"]
    assert (kind, others) == ("built-outside", [])
    assert text.startswith("RandomCrop")
