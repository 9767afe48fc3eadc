"""Steps that are compiled on one side and not on the other, or shared among devices otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between, found, plans, slugs, texts
from tests.explain.test_compiled import FORWARD, two
from tests.handmade import Change, Training, dense, dropout, make_run

from samefit.explain.case import Case

COMPILED = {"jit_compile": True, "run_eagerly": False}
EAGER = {"jit_compile": False, "run_eagerly": True}


@pytest.mark.parametrize("name", ["jit_compile", "run_eagerly"])
def test_compiled_otherwise(tmp_path: Path, name: str) -> None:
    first = found(two(tmp_path, FORWARD, {name: True}, {name: False}))[0]
    assert (first.slug, plans(first)) == ("rounding", ["compile"])
    assert f"compile({name}=...): True and False" in texts(first)


def test_shared_among_devices_otherwise(tmp_path: Path) -> None:
    shared = {"distribution": "DataParallel on 2 devices"}
    only = found(two(tmp_path / "one", FORWARD, b=shared))[0]
    assert (only.slug, only.weak, texts(only)) == ("rounding", True, "one device and DataParallel on 2 devices")
    assert "devices share the work" in only.no_counterfactual
    assert "rounding" not in slugs(two(tmp_path / "both", FORWARD, a=shared, b=shared))


def test_what_auto_means_on_another_backend_is_not_blamed(tmp_path: Path) -> None:
    compiled = {"jit_compile": True}, {"jit_compile": False}
    case = two(tmp_path, FORWARD, *compiled, backends=("jax", "torch"))
    assert all("jit_compile" not in suspect.summary for suspect in found(case))


def test_what_runs_eagerly_is_one_difference(tmp_path: Path) -> None:
    first, *others = found(two(tmp_path, FORWARD, COMPILED, EAGER))
    assert (first.slug, texts(first)) == ("rounding", "compile(run_eagerly=...): False and True")
    assert first.counterfactuals[0].transplants == ({"do": "compile", "side": "", "compile": 2, **COMPILED},)
    assert all("jit_compile" not in suspect.summary for suspect in others)


def with_dropout(tmp_path: Path, gap: float, options: Mapping[str, Any], backend: str, *, moves: bool = True) -> Case:
    """Two trainings of a model with Dropout, whose losses part by a relative gap at the first step."""
    still = [Change("still", path="dropout/seed_generator_state")]
    moving = [Change("moving", path=backend)] if moves else []
    runs = []
    for name, compiled in (("a", COMPILED), ("b", {**COMPILED, **options})):
        changes = [*still, *moving, Change("loss", value=1.0 + gap * (name == "b"))]
        training = Training(location=at(9), compiled={"loss": "mse", "number": 0, **compiled})
        layers = [dense(4, 4), dropout()]
        manifest = {"backend": backend, "target": f"{name}.py"}
        runs.append(make_run(tmp_path / name, layers=layers, trainings=[training], changes=changes, manifest=manifest))
    return case_between(*runs)


def test_a_compiler_of_pytorch_draws_otherwise(tmp_path: Path) -> None:
    first = found(with_dropout(tmp_path, 0.06, EAGER, "torch"))[0]
    assert (first.slug, plans(first)) == ("backend-generator", ["compile"])
    assert "its losses 1 and 1.06 are too far apart for rounding" in texts(first)
    assert first.remedy == "compile(run_eagerly=False)  on both sides"


@pytest.mark.parametrize(
    ("gap", "options", "backend", "moves"),
    [
        (1e-6, EAGER, "torch", True),  # rounding it may be
        (0.06, EAGER, "torch", False),  # nothing draws
        (0.06, EAGER, "jax", True),  # draws alike, compiled or not
        (0.06, {}, "torch", True),  # compiled alike
    ],
)
def test_other_draws_are_not_blamed(
    tmp_path: Path, gap: float, options: Mapping[str, Any], backend: str, moves: bool
) -> None:
    assert "backend-generator" not in slugs(with_dropout(tmp_path, gap, options, backend, moves=moves))
