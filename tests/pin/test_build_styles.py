"""One architecture, many builds: the same weights and the same training; and what the user chose stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def found(run_script: Run, any_backend: str) -> dict[str, Any]:
    return run_script("styles.py", any_backend)


def check_builds(found: dict[str, Any]) -> None:
    assert len(found["built"]) == 20
    assert {name for name, result in found["built"].items() if result != found["built"]["sequential"]} == set()
    expected = found["trained"]["functional_backwards"]
    assert {name for name, result in found["trained"].items() if result != expected} == set()
    assert {name for name, result in found["trained backwards"].items() if result != expected} == set()
    assert found["another seed"] != expected


def test_every_build_is_the_same_training(found: dict[str, Any]) -> None:
    check_builds(found)


@pytest.mark.slow
def test_every_build_is_the_same_training_when_all_are_trained(run_script: Run, each_backend: str) -> None:
    found = run_script("styles.py", each_backend, "--all")
    assert len(found["trained"]) == 20
    check_builds(found)


@pytest.mark.slow
def test_initial_weights_are_equal_on_all_backends(run_script: Run, backends: tuple[str, ...]) -> None:
    assert len({run_script("styles.py", name)["built"]["sequential"][0] for name in backends}) == 1


def test_branches_shared_layers_inputs_and_outputs(found: dict[str, Any]) -> None:
    functional, swapped, subclassed = found["branches"]
    assert functional == swapped == subclassed


def test_alike_parts_of_one_model_differ_and_interchangeable_ones_are_named(found: dict[str, Any]) -> None:
    assert found["twins differ"]
    assert [kind for kind, _ in found["twins"]] == ["ambiguous-order"]
    assert "Add 'add' takes two branches that are built alike" in found["twins"][0][1]
    assert found["not interchangeable"] == []


def test_looking_at_a_call_changes_nothing(found: dict[str, Any]) -> None:
    assert len({json.dumps(result) for result in found["effects"].values()}) == 1
    assert found["limits of effects"] == []
    assert found["looking counts as no call"]


@pytest.mark.parametrize(
    "what",
    [
        "explicit weights stay",
        "explicit seed stays",
        "the others are pinned",
        "assigned stay",
        "loaded stay",
        "compiled stay",
        "looking inside changes nothing",
    ],
)
def test_what_the_user_chose_stays(found: dict[str, Any], what: str) -> None:
    assert found[what]


@pytest.mark.parametrize(
    "what", ["inner scope is its own", "outer scope goes on", "patches are gone", "seeds are Keras's own again"]
)
def test_leaving_puts_everything_back(found: dict[str, Any], what: str) -> None:
    assert found[what]


def test_limits_are_said(found: dict[str, Any], any_backend: str) -> None:
    kinds = {kind for kind, _ in found["limits of styles"]}
    # Only JAX loses a `training` that is not handed on.
    assert kinds == {"equal-models", "untraceable-model"} | ({"dropout-off"} if any_backend == "jax" else set())
    assert "def call(self, x, training=None):" in found["lines"]
    assert found["no training"] == ["dropout-off"]
    assert found["built before"] == ["built-outside"]
    assert found["equal models"] == ["equal-models"]
    assert found["models of a container differ"]
