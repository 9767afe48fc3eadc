"""What is behind the first output that differs inside of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.handmade import Layer, Training, dense, dropout, make_run
from tests.insides import LOSS, ONES, Seen, look

from samefit.comparison.inside import compare_inside
from samefit.comparison.pairing import Pairing
from samefit.comparison.result import Cause, Inside
from samefit.explain.inside import explain_inside, named_inside
from samefit.store.reader import Run
from samefit.types import Location

LAYERS = (dense(3, 3), Layer("LeakyReLU", config={"negative_slope": 0.1}), dropout(record={"seed_value": 7}))
CALLS = (Seen("Dense", 0), Seen("LeakyReLU", 1), Seen("Dropout", 2), LOSS)
NEAR = np.nextafter(ONES, np.float32(2))
ADAM = {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.001}}, "loss": "mse"}


def run_of(path: Path, *, layers: Sequence[Layer] = LAYERS, compiled: Mapping[str, Any] = ADAM, **manifest: Any) -> Run:
    return make_run(path, layers=layers, trainings=[Training(compiled=compiled)], manifest=manifest)


def explained(a: Run, b: Run) -> Inside:
    pairing = Pairing(a, b, a.trainings, b.trainings)
    found = compare_inside(pairing, 0)
    assert found is not None
    return explain_inside(found, pairing, 0)


def parted(tmp_path: Path, which: int, seen: Mapping[str, Any] = {"output": NEAR}, **changes: Any) -> Inside:
    calls = list(CALLS)
    calls[which] = replace(calls[which], **seen)
    return explained(look(run_of(tmp_path / "a"), CALLS), look(run_of(tmp_path / "b", **changes), calls))


def test_an_option(tmp_path: Path) -> None:
    there = Location("/code/train.py", 7, "layers.LeakyReLU(0.2)")
    other = replace(LAYERS[1], config={"negative_slope": 0.2}, record={"location": there})
    inside = parted(tmp_path, 1, layers=(LAYERS[0], other, LAYERS[2]))
    assert inside.because == ("LeakyReLU(negative_slope=0.1) and LeakyReLU(negative_slope=0.2)",)
    assert inside.location == there


def test_the_mode(tmp_path: Path) -> None:
    assert parted(tmp_path, 2, {"output": NEAR, "training": False}).because[0] == "training=None and training=False"


def test_a_mask(tmp_path: Path) -> None:
    inside = parted(tmp_path, 1, {"output": NEAR, "masks": (np.array([True, False]),)})
    assert inside.because == ("its inputs are equal, a mask comes with the candidate's only",)


def test_a_random_mask(tmp_path: Path) -> None:
    inside = parted(tmp_path, 2, {"output": ONES * np.array([1, 0, 2], np.float32)})
    assert inside.because == ("another random mask: zero in 0 and in 0.333 of the elements",)


def test_other_inputs(tmp_path: Path) -> None:
    inside = parted(tmp_path, 1, {"output": NEAR, "inputs": (NEAR,)})
    assert inside.because[0].startswith("its inputs differ already")


def test_a_layer_of_another_dtype_casts_its_inputs_itself(tmp_path: Path) -> None:
    other = replace(LAYERS[1], record={"dtype_policy": "bfloat16"})
    changed = {"output": NEAR, "inputs": (NEAR,)}
    inside = parted(tmp_path, 1, changed, layers=(LAYERS[0], other, LAYERS[2]))
    assert inside.because == ("dtype policy float32 and bfloat16",)


def test_a_kernel(tmp_path: Path) -> None:
    inside = parted(tmp_path, 0, backend="torch", threads={"OMP": 1})
    assert "the same mathematics in another kernel or order" in inside.because[0]
    assert inside.because[0].endswith("(backend jax and torch; OMP 2 and 1)")


def test_where_rounding_becomes_large(tmp_path: Path) -> None:
    mask = {"inputs": (NEAR,), "output": ONES * np.array([1, 0, 2], np.float32)}
    calls = [replace(CALLS[0], output=NEAR), replace(CALLS[1], inputs=(NEAR,), output=NEAR)]
    calls += [replace(CALLS[2], **mask), LOSS]
    inside = explained(look(run_of(tmp_path / "a"), CALLS), look(run_of(tmp_path / "b"), calls))
    assert "another kernel" in inside.because[0]
    assert inside.grows is not None
    assert inside.grows.because == ("another random mask: zero in 0 and in 0.333 of the elements",)


def test_code(tmp_path: Path) -> None:
    inside = parted(tmp_path, 0, {"output": ONES * 2})
    assert inside.because == ("options, masks and weights are equal; what is left is its code, or its kernel",)


def test_an_update_before_the_call(tmp_path: Path) -> None:
    inside = parted(tmp_path, 0, {"output": ONES * 2, "updates": 1})
    assert inside.because[0].startswith("the step had updated weights before this call")
    assert named_inside(UNKNOWN, alike(inside)) == UNKNOWN


def test_next_to_zero_the_relative_size_tells_where_kernels_are_others(tmp_path: Path) -> None:
    # Thousands of units in the last place of an element that is nearly zero, and little of the largest.
    one, other = ONES.copy(), ONES.copy()
    one[0, 0], other[0, 0] = 1e-9, 1.1e-9
    calls = [replace(CALLS[0], output=one), *CALLS[1:]]
    there = [replace(CALLS[0], output=other), *CALLS[1:]]
    apart = explained(look(run_of(tmp_path / "a"), calls), look(run_of(tmp_path / "b", backend="torch"), there))
    assert "the same mathematics in another kernel or order" in apart.because[0]
    same = explained(look(run_of(tmp_path / "c"), calls), look(run_of(tmp_path / "d"), there))
    assert "its code, or its kernel" in same.because[0]


@pytest.mark.parametrize(
    ("device", "precision", "is_kernel"),
    [("NVIDIA H200", None, True), ("NVIDIA H200", "highest", False), ("cpu", None, False)],
)
def test_an_accelerator_that_multiplies_with_fewer_bits(
    tmp_path: Path, device: str, precision: str | None, is_kernel: bool
) -> None:
    calls = [replace(CALLS[0], output=ONES * np.float32(1.001)), *CALLS[1:]]
    there: dict[str, Any] = {"device": device, "flags": {"jax_default_matmul_precision": precision}}
    found = explained(look(run_of(tmp_path / "a", **there), CALLS), look(run_of(tmp_path / "b", **there), calls))
    assert ("the same mathematics in another kernel or order" in found.because[0]) is is_kernel
    assert (named_inside(UNKNOWN, alike(found)) == UNKNOWN) is is_kernel


def test_the_loss(tmp_path: Path) -> None:
    inside = parted(tmp_path, 3, {"output": np.float32(1)}, compiled={**ADAM, "loss": "mae"})
    assert inside.because == ("loss: mse and mae",)


def test_a_regularizer_is_part_of_the_loss(tmp_path: Path) -> None:
    with_it = replace(LAYERS[0], config={"units": 3, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.1}}})
    without = replace(LAYERS[0], config={"units": 3, "kernel_regularizer": None})
    calls = [*CALLS[:3], replace(LOSS, output=np.float32(1))]
    a = look(run_of(tmp_path / "a", layers=(without, *LAYERS[1:])), CALLS)
    b = look(run_of(tmp_path / "b", layers=(with_it, *LAYERS[1:])), calls)
    assert explained(a, b).because == ("Dense(kernel_regularizer=None) and Dense(kernel_regularizer=L2(l2=0.1))",)


def test_a_gradient_that_is_stopped(tmp_path: Path) -> None:
    a = look(run_of(tmp_path / "a"), CALLS, gradients={"dense/kernel": ONES})
    b = look(run_of(tmp_path / "b"), CALLS)
    assert explained(a, b).because[1].startswith("it has a gradient in the baseline only")


def test_an_optimizer(tmp_path: Path) -> None:
    other = {**ADAM, "optimizer": {"class": "Adam", "config": {"learning_rate": 0.002}}}
    a = look(run_of(tmp_path / "a"), CALLS, after={"dense/kernel": ONES})
    b = look(run_of(tmp_path / "b", compiled=other), CALLS, after={"dense/kernel": NEAR})
    assert explained(a, b).because == ("Adam(learning_rate=0.001) and Adam(learning_rate=0.002)",)


def test_a_constraint_acts_in_the_update_and_no_other_option_of_the_layer(tmp_path: Path) -> None:
    layers = [
        (dense(3, 3, config={"kernel_constraint": limit, "kernel_initializer": limit}),) for limit in (None, "MaxNorm")
    ]
    a = look(run_of(tmp_path / "a", layers=layers[0]), CALLS[:1], after={"dense/kernel": ONES})
    b = look(run_of(tmp_path / "b", layers=layers[1]), CALLS[:1], after={"dense/kernel": NEAR})
    assert explained(a, b).because == ("Dense(kernel_constraint=None) and Dense(kernel_constraint='MaxNorm')",)


def test_nothing(tmp_path: Path) -> None:
    state = {"dense/kernel": ONES}
    a = look(run_of(tmp_path / "a"), CALLS, after=state, trained=state)
    b = look(run_of(tmp_path / "b"), CALLS, after=state, trained={"dense/kernel": NEAR})
    assert explained(a, b).because[0].endswith("the difference comes with how the step is compiled")


def test_nothing_where_the_watched_step_is_far_from_the_one_that_trained(tmp_path: Path) -> None:
    """A layer that counts its calls in Python computes something else when it is watched."""
    state = {"dense/kernel": ONES}
    a = look(run_of(tmp_path / "a"), CALLS, after=state, trained=state)
    b = look(run_of(tmp_path / "b"), CALLS, after=state, trained={"dense/kernel": ONES * 2})
    assert "what a call leaves behind in Python" in explained(a, b).because[0]


def test_a_failure_needs_no_explanation(tmp_path: Path) -> None:
    a, b = look(run_of(tmp_path / "a"), (), failed="ValueError: no"), look(run_of(tmp_path / "b"), CALLS)
    assert explained(a, b).because == ()


def alike(inside: Inside) -> Inside:
    """The watched step came to the bits of the step that trained."""
    return replace(inside, distances=(0.0, 0.0))


UNKNOWN = Cause("unknown", confirmed=False, summary="Nothing that samefit knows explains this divergence.")


def test_a_layer_whose_code_differs_names_an_unknown_cause(tmp_path: Path) -> None:
    there = Location("/code/train.py", 7, "layers.Dense(3)")
    own = replace(LAYERS[0], record={"location": there})
    inside = alike(parted(tmp_path, 0, {"output": ONES * 2}, layers=(own, *LAYERS[1:])))
    cause = named_inside(UNKNOWN, inside)
    assert (cause.slug, cause.confirmed, cause.location) == ("model-config", False, there)
    assert cause.summary.startswith("dense computes something else from equal inputs")


def test_a_loss_that_differs_without_a_setting_names_an_unknown_cause(tmp_path: Path) -> None:
    cause = named_inside(UNKNOWN, alike(parted(tmp_path, 3, {"output": np.float32(1)})))
    assert (cause.slug, cause.confirmed) == ("loss-config", False)
    assert "something is added to it on one side" in cause.summary


def test_an_update_that_differs_without_an_option_names_an_unknown_cause(tmp_path: Path) -> None:
    a = look(run_of(tmp_path / "a"), CALLS, after={"dense/kernel": ONES})
    b = look(run_of(tmp_path / "b"), CALLS, after={"dense/kernel": ONES * 2})
    cause = named_inside(UNKNOWN, alike(explained(a, b)))
    assert (cause.slug, cause.confirmed) == ("optimizer-config", False)
    assert "The gradients are equal" in cause.summary


def test_what_is_named_or_may_be_rounding_keeps_its_cause(tmp_path: Path) -> None:
    code = alike(parted(tmp_path / "code", 0, {"output": ONES * 2}))
    named = replace(UNKNOWN, slug="data-order")
    assert named_inside(named, code) == named
    for number, inside in enumerate(
        (
            alike(parted(tmp_path / "kernel", 0)),
            alike(parted(tmp_path / "backend", 0, {"output": ONES * 2}, backend="torch")),
            alike(parted(tmp_path / "loss", 3, {"output": np.float32(1)}, compiled={**ADAM, "loss": "mae"})),
            replace(code, failed="ValueError: no"),
            replace(code, distances=(0.0, 0.2)),
            replace(code, distances=(0.0, None)),
        )
    ):
        assert named_inside(UNKNOWN, inside) == UNKNOWN, number
