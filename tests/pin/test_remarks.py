"""What is said of the models of a scope: parts that were made before it, and equal ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("augmentation", ["RandomFlip 'flip'"]),
        ("of a deferred model", ["Dropout 'drop'"]),
        ("unseeded base", ["Dense 'inner'"]),
        ("frozen unseeded base", ["Dense 'inner'"]),
        ("loaded base with dropout", ["Dropout 'noise'"]),
        ("layer without initialisers", ["OwnWeight 'own'"]),
        ("einsum", ["EinsumDense 'einsum'"]),
    ],
)
def test_what_was_made_outside_is_named(run_script: Run, any_backend: str, what: str, names: list[str]) -> None:
    assert run_script("outside.py", any_backend)[what] == names


def test_a_model_that_was_trained_outside_is_named(run_script: Run, any_backend: str) -> None:
    (name,) = run_script("outside.py", any_backend)["trained model"]
    assert name.startswith("Sequential 'sequential")


@pytest.mark.parametrize(
    "what",
    [
        "seeded",
        "never drew",
        "seeded base",
        "loaded base",
        "loaded model",
        "assigned base",
        "constant",
        "adapted",
        "of another scope",
        "all inside",
    ],
)
def test_what_the_user_chose_is_not_named(run_script: Run, any_backend: str, what: str) -> None:
    assert run_script("outside.py", any_backend)[what] == []


@pytest.mark.parametrize("what", ["LoRA in a model", "LoRA of a model"])
def test_weights_that_are_added_to_layers_from_outside_have_a_place(
    run_script: Run, any_backend: str, what: str
) -> None:
    assert run_script("outside.py", any_backend)[what]


@pytest.mark.parametrize("how", ["deferred", "subclassed", "in two ways", "by batch"])
def test_models_that_start_alike_are_said_however_they_are_built(run_script: Run, any_backend: str, how: str) -> None:
    assert run_script("equals.py", any_backend)[how] == ["equal-models"]


@pytest.mark.parametrize("how", ["others", "others by batch"])
def test_models_that_differ_are_not(run_script: Run, any_backend: str, how: str) -> None:
    assert run_script("equals.py", any_backend)[how] == []
