"""What is said of real models: alike in all ways of building, and everything else by its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCRIPT = Path(__file__).parent / "pairs.py"
SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/model-comparison.schema.json").read_text())
SUBSET = "siamese,own-layers"

# What is said, in order: (name without the layer's number, baseline, candidate).
NAMED: dict[str, list[tuple[str, Any, Any]]] = {
    "epsilon": [("batch_normalization.epsilon", 0.001, 1e-5)],
    "activation": [("conv2d.activation", "relu", "gelu")],
    "padding": [("conv2d.padding", "same", "valid")],
    "rate": [("dropout.rate", 0.3, 0.5)],
    "trainable": [("conv2d.trainable", True, False)],
    "branches": [("dense.activation", "tanh", "gelu")],
}


def printed(backend: str, *arguments: str) -> dict[str, Any]:
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(SCRIPT), *arguments]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr[-4000:]
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def said(comparison: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """Returns the differences without the numbers of the layers' names."""
    found = []
    for one in comparison["differences"]:
        name, dot, option = one["name"].partition(".")
        found.append((name.rstrip("0123456789").rstrip("_") + dot + option, one["baseline"], one["candidate"]))
    return found


@pytest.mark.slow
def test_pairs(each_backend: str) -> None:
    found = printed(each_backend, "pairs")
    for comparison in found.values():
        jsonschema.validate(comparison, SCHEMA)

    alike = {name: one for name, one in found.items() if name.startswith("alike") or name == "ambiguous"}
    assert {name: said(one) for name, one in alike.items() if one["differences"]} == {}
    assert {one["verdict"] for one in alike.values()} == {"same_function"}
    assert {one["weights"] for one in alike.values()} == {"other_draw"}
    assert [name for name, one in alike.items() if not all(one["same"] for one in one["passes"])] == []
    assert [name for name, one in found.items() if one["alignment"]["confidence"] == "ambiguous"] == ["ambiguous"]

    assert {name: said(found[name]) for name in NAMED} == NAMED
    assert all(not found[name]["same"] for name in NAMED)
    assert [name for name, _, _ in said(found["use_bias"])][1] == "dense.use_bias"
    assert [name for name, _, _ in said(found["regularizer"])] == ["dense.kernel_regularizer"]
    assert [name for name, _, _ in said(found["initializer"])] == ["dense.kernel_initializer"]
    assert [one["name"] for one in found["no residual"]["differences"]] == ["Add"]
    assert [one["name"] for one in found["shared"]["differences"]] == ["Dense: shared or not"]
    assert any("mask among its inputs" in one["name"] for one in found["mask"]["differences"])

    assert (found["loaded"]["weights"], found["loaded"]["same"]) == ("other_values", False)
    assert (found["seed"]["differences"], found["seed"]["same"]) == ([], True)
    assert [(one["baseline"], one["candidate"]) for one in found["seed"]["seeds"]] == [(1, 2)]
    assert found["rounding"]["same_function"]
    assert found["trainable"]["same_function"]
    assert not found["epsilon"]["same_function"]


@pytest.mark.slow
def test_all_architectures_are_alike_in_all_styles(each_backend: str) -> None:
    found = printed(each_backend, "architectures", "")
    assert len(found) > 100
    assert _not_alike(found) == {}


def test_some_architectures_are_alike_in_all_styles(any_backend: str) -> None:
    found = printed(any_backend, "architectures", SUBSET)
    assert {name.partition(":")[0] for name in found} == set(SUBSET.split(","))
    assert _not_alike(found) == {}


def _not_alike(found: dict[str, Any]) -> dict[str, Any]:
    """Returns what is not the same function, bit for bit, with weights that differ by their draw at most."""
    return {
        name: one
        for name, one in found.items()
        if one["verdict"] not in ("identical", "same_function")
        or one["weights"] == "other_values"
        or not all(its["same"] for its in one["passes"])
    }


def test_model_and_process_are_left_as_they_were(any_backend: str) -> None:
    found = printed(any_backend, "alone")
    assert found.pop("draw") == found.pop("draw without")
    assert set(found.values()) == {True}
