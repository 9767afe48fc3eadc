"""What a script has set by a call on one side alone: a suspect without a re-run, behind all facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between, found, slugs, texts
from tests.handmade import Change, Training, dense, make_run

from samefit.checks.told import suspected
from samefit.explain.case import Case

FORWARD = (Change("loss"),)
BACKWARD = (Change("variable", 0, "dense/kernel"),)
ADAM = {"optimizer": {"class": "Adam", "config": {}}, "loss": "mse"}


def two(
    tmp_path: Path,
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    changes: Sequence[Change] = FORWARD,
    compiled: Sequence[Mapping[str, Any]] = (ADAM, ADAM),
    layers: Sequence[Any] = (dense(4, 4), dense(4, 4)),
) -> Case:
    runs = [
        make_run(
            tmp_path / name,
            layers=[layer],
            trainings=[Training(location=at(9), compiled=own)],
            manifest={"target": f"{name}.py", **manifest},
            changes=changes if name == "b" else (),
        )
        for name, manifest, own, layer in zip("ab", (a, b), compiled, layers, strict=True)
    ]
    return case_between(*runs)


@pytest.mark.parametrize("changes", [FORWARD, BACKWARD], ids=["forward", "backward"])
@pytest.mark.parametrize(
    ("group", "name", "values", "slug"),
    [
        ("flags", "float32_matmul_precision", ("highest", "high"), "precision"),
        ("flags", "jax_default_matmul_precision", (None, "bfloat16"), "precision"),
        ("flags", "cudnn.allow_tf32", (False, True), "precision"),
        ("flags", "tensor_float_32", (False, True), "precision"),
        ("flags", "jax_enable_x64", (False, True), "precision"),
        ("flags", "default_dtype", ("torch.float32", "torch.float64"), "precision"),
        ("threads", "intra_op", (0, 1), "rounding"),
        ("flags", "run_functions_eagerly", (False, True), "rounding"),
        ("flags", "op_determinism", (False, True), "rounding"),
        ("flags", "deterministic_algorithms", (False, True), "rounding"),
        ("flags", "cudnn.benchmark", (False, True), "rounding"),
        ("globals", "epsilon", (1e-7, 1e-3), "environment"),
        ("globals", "image_data_format", ("channels_last", "channels_first"), "environment"),
    ],
)
def test_a_flag_that_a_call_has_set(
    tmp_path: Path, group: str, name: str, values: tuple[Any, Any], slug: str, changes: Sequence[Change]
) -> None:
    case = two(tmp_path, *({group: {name: value}} for value in values), changes)
    (only,) = found(case)
    assert (only.slug, only.weak, only.location, only.counterfactuals) == (slug, True, at(9), ())
    assert texts(only) == f"{name}: {values[0]!r} and {values[1]!r}"
    assert only.remedy == f"set the same on both sides:  {name}={values[0]!r}"
    assert suspected(case)[0].slug == slug


def test_steps_per_execution(tmp_path: Path) -> None:
    compiled = [{**ADAM, "steps_per_execution": number} for number in (1, 8)]
    (only,) = found(two(tmp_path, {}, {}, compiled=compiled))
    assert (only.slug, texts(only)) == ("rounding", "steps_per_execution: 1 and 8")


def test_flags_stand_behind_what_differs_in_the_model(tmp_path: Path) -> None:
    layers = [dense(4, 4, config={"units": 4, "activation": name}) for name in ("relu", "gelu")]
    case = two(tmp_path, {"threads": {"intra_op": 1}}, {"threads": {"intra_op": 2}}, layers=layers)
    assert slugs(case) == ["model-config", "rounding"]


def test_equal_flags_are_not_blamed(tmp_path: Path) -> None:
    flags = {"flags": {"float32_matmul_precision": "high"}, "threads": {"intra_op": 2}}
    assert slugs(two(tmp_path, flags, flags)) == []


def test_flags_of_two_backends_are_not_compared(tmp_path: Path) -> None:
    case = two(
        tmp_path,
        {"backend": "torch", "flags": {"float32_matmul_precision": "high"}},
        {"backend": "jax", "flags": {"jax_enable_x64": True}},
    )
    assert slugs(case) == ["rounding"]
    assert "add up in another order" in found(case)[0].summary


def test_a_flag_that_a_variable_has_set_is_looked_at_once(tmp_path: Path) -> None:
    name = "TF_DETERMINISTIC_OPS"
    sides = [{"flags": {name: value}, "environment": {name: value}} for value in ("0", "1")]
    (only,) = found(two(tmp_path, *sides))
    assert only.counterfactuals


def test_no_flag_is_blamed_for_what_a_step_begins_with(tmp_path: Path) -> None:
    sides = [{"threads": {"intra_op": number}} for number in (1, 2)]
    assert slugs(two(tmp_path, *sides, [Change("between", 4, "dense/kernel"), Change("loss", 4)])) == []
