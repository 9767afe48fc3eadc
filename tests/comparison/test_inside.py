"""Two views of a step from inside: the earliest that differs, and how far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.handmade import Change, Layer, dense, make_run
from tests.insides import LOSS, ONES, Seen, look

from samefit.comparison.inside import FoundInside, compare_inside, size_between
from samefit.comparison.pairing import Pairing
from samefit.store.reader import Run

LAYERS = (dense(3, 3), Layer("ReLU"), dense(3, 1))
CALLS = (Seen("Dense", 0), Seen("ReLU", 1), Seen("Dense", 2, name="dense_1"), LOSS)
NEAR = np.nextafter(ONES, np.float32(2))
KERNELS = {"dense/kernel": ONES, "dense_1/kernel": ONES}


def run_of(path: Path, layers: Sequence[Layer] = LAYERS, *changes: Change) -> Run:
    return make_run(path, layers=layers, changes=changes)


def found(a: Run, b: Run) -> FoundInside:
    answer = compare_inside(Pairing(a, b, a.trainings, b.trainings), 0)
    assert answer is not None
    return answer


def two(tmp_path: Path, calls_a: Sequence[Seen], calls_b: Sequence[Seen], *changes: Change) -> FoundInside:
    a = look(run_of(tmp_path / "a"), calls_a)
    return found(a, look(run_of(tmp_path / "b", LAYERS, *changes), calls_b))


def test_equal_views(tmp_path: Path) -> None:
    inside = two(tmp_path, CALLS, CALLS).inside
    assert (inside.phase, inside.step, inside.num_different) == ("none", 1, 0)


def test_a_side_that_did_not_look(tmp_path: Path) -> None:
    a, b = run_of(tmp_path / "a"), look(run_of(tmp_path / "b"), CALLS)
    assert compare_inside(Pairing(a, b, a.trainings, b.trainings), 0) is None


def test_a_side_that_could_not_look(tmp_path: Path) -> None:
    a, b = look(run_of(tmp_path / "a"), CALLS), look(run_of(tmp_path / "b"), (), failed="ValueError: no")
    assert found(a, b).inside.failed == "candidate: ValueError: no"


def test_the_first_output_that_differs_from_equal_inputs(tmp_path: Path) -> None:
    other = (CALLS[0], replace(CALLS[1], output=NEAR), replace(CALLS[2], inputs=(NEAR,), output=NEAR), LOSS)
    answer = two(tmp_path, CALLS, other)
    inside = answer.inside
    assert (inside.phase, inside.path, inside.from_equal, inside.num_different) == ("forward", "relu", True, 2)
    assert answer.layers == (1, 1)
    assert inside.size is not None
    assert (inside.size.different, inside.size.elements, inside.size.max_ulp) == (6, 6, 1)


def test_what_differs_from_other_inputs_is_said_to(tmp_path: Path) -> None:
    other = (CALLS[0], replace(CALLS[1], inputs=(NEAR,), output=NEAR), *CALLS[2:])
    assert not two(tmp_path, CALLS, other).inside.from_equal


def test_a_mask_is_an_input_and_an_output(tmp_path: Path) -> None:
    mask = np.array([True, False])
    got = two(tmp_path, CALLS, (replace(CALLS[0], masks=(mask,), output=NEAR), *CALLS[1:]))
    assert not got.inside.from_equal


def test_a_mask_that_is_lost_differs(tmp_path: Path) -> None:
    with_mask = (replace(CALLS[0], masks_out=(np.array([True, False]),)), *CALLS[1:])
    inside = two(tmp_path, with_mask, CALLS).inside
    assert (inside.path, inside.from_equal, inside.size) == ("dense", True, None)


def test_other_weights_are_no_equal_inputs(tmp_path: Path) -> None:
    change = Change("begin", step=0, path="dense/kernel")
    answer = two(tmp_path, CALLS, (replace(CALLS[0], output=NEAR), *CALLS[1:]), change)
    assert (answer.other_weights, answer.inside.from_equal) == (("dense/kernel",), False)


def test_a_layer_called_twice(tmp_path: Path) -> None:
    twice = (CALLS[0], CALLS[1], replace(CALLS[0], nth=2), *CALLS[2:])
    other = (CALLS[0], CALLS[1], replace(CALLS[0], nth=2, output=NEAR), *CALLS[2:])
    inside = two(tmp_path, twice, other).inside
    assert (inside.path, inside.call, inside.calls) == ("dense", 2, 2)


def test_a_layer_inside_of_another(tmp_path: Path) -> None:
    block = Seen("Block", name="block")
    nested = (replace(CALLS[0], inside=1), block, *CALLS[1:])
    other = (replace(CALLS[0], inside=1, output=NEAR), replace(block, output=NEAR), *CALLS[1:])
    assert two(tmp_path, nested, other).inside.path == "block/dense"


def test_what_only_one_side_calls(tmp_path: Path) -> None:
    extra = Seen("Multiply", kind="op", name="multiply")
    other = (CALLS[0], extra, replace(CALLS[1], inputs=(NEAR,), output=NEAR), *CALLS[2:])
    inside = two(tmp_path, CALLS, other).inside
    assert (inside.path, inside.only_in_baseline, inside.only_in_candidate) == ("relu", (), ("multiply",))


def test_the_loss(tmp_path: Path) -> None:
    inside = two(tmp_path, CALLS, (*CALLS[:3], replace(LOSS, output=np.float32(0.75)))).inside
    assert (inside.phase, inside.path, inside.from_equal) == ("loss", "loss", True)


def backward(tmp_path: Path, other: dict[str, Any], **more: Any) -> FoundInside:
    a = look(run_of(tmp_path / "a"), CALLS, gradients=KERNELS)
    return found(a, look(run_of(tmp_path / "b"), CALLS, gradients=other, **more))


def test_gradients_part_first_where_the_forward_pass_ends(tmp_path: Path) -> None:
    answer = backward(tmp_path, {"dense/kernel": NEAR, "dense_1/kernel": NEAR})
    assert (answer.inside.phase, answer.inside.path, answer.layers) == ("backward", "dense_1/kernel", (2, 2))
    assert answer.inside.num_different == 2


def test_a_gradient_that_one_side_lacks(tmp_path: Path) -> None:
    inside = backward(tmp_path, {"dense_1/kernel": ONES}).inside
    assert (inside.path, inside.only_in_baseline, inside.size) == ("dense/kernel", ("dense/kernel",), None)


def test_an_update(tmp_path: Path) -> None:
    slot = "adam/dense_kernel_momentum"
    a = look(run_of(tmp_path / "a"), CALLS, after={"dense/kernel": ONES, slot: ONES})
    b = look(run_of(tmp_path / "b"), CALLS, after={"dense/kernel": ONES, slot: NEAR})
    inside = found(a, b).inside
    assert (inside.phase, inside.path, inside.num_different) == ("update", slot, 1)


def test_whether_the_watched_step_is_the_one_that_trained(tmp_path: Path) -> None:
    state = {"dense/kernel": ONES}
    a = look(run_of(tmp_path / "a"), CALLS, after=state, trained=state)
    b = look(run_of(tmp_path / "b"), CALLS, after=state, trained={"dense/kernel": ONES * 2}, eager=True)
    inside = found(a, b).inside
    assert (inside.distances, inside.eager) == ((0.0, 0.5), (False, True))


def test_where_rounding_becomes_large(tmp_path: Path) -> None:
    other = (
        replace(CALLS[0], output=NEAR),
        replace(CALLS[1], inputs=(NEAR,), output=NEAR),
        replace(CALLS[2], inputs=(NEAR,), output=ONES * 2),
        replace(LOSS, output=np.float32(1)),
    )
    answer = two(tmp_path, CALLS, other)
    assert answer.inside.path == "dense"
    assert answer.grows is not None
    assert (answer.grows.inside.path, answer.grows.layers, answer.grows.inside.num_different) == ("dense_1", (2, 2), 2)


def test_what_stays_small_or_begins_large_does_not_grow(tmp_path: Path) -> None:
    small = (replace(CALLS[0], output=NEAR), replace(CALLS[1], inputs=(NEAR,), output=NEAR), *CALLS[2:])
    assert two(tmp_path / "small", CALLS, small).grows is None
    large = (replace(CALLS[0], output=ONES * 2), replace(CALLS[1], inputs=(NEAR,), output=ONES * 3), *CALLS[2:])
    assert two(tmp_path / "large", CALLS, large).grows is None


# -- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_one_unit_in_the_last_place(dtype: str) -> None:
    one = np.array([1.5, -1.5, 0.0], dtype)
    size = size_between(one, np.nextafter(one, np.array(9, dtype)))
    assert size is not None
    assert (size.different, size.max_ulp) == (3, 1)


def test_bfloat16() -> None:
    import ml_dtypes

    one = np.array([1.0, 2.0], ml_dtypes.bfloat16)
    size = size_between(one, np.array([1.0, 2.015625], ml_dtypes.bfloat16))
    assert size is not None
    assert (size.different, size.max_ulp) == (1, 1)


def test_both_zeros_are_one_place_and_nan_is_nan() -> None:
    size = size_between(np.array([0.0, np.nan, np.inf]), np.array([-0.0, np.nan, 1.0]))
    assert size is not None
    assert (size.different, size.max_abs, size.max_ulp) == (1, 0.0, 0)


def test_integers_have_no_units_in_the_last_place() -> None:
    size = size_between(np.array([1, 2]), np.array([1, 4]))
    assert size is not None
    assert (size.max_abs, size.max_rel, size.max_ulp) == (2.0, 1.0, None)


def test_other_shapes_have_no_size() -> None:
    assert size_between(ONES, ONES[:1]) is None


@given(st.floats(width=32, allow_nan=False), st.floats(width=32, allow_nan=False))
def test_units_are_symmetric_and_zero_for_equal_values_only(one: float, other: float) -> None:
    a, b = np.array([one], np.float32), np.array([other], np.float32)
    here, there = size_between(a, b), size_between(b, a)
    assert here is not None
    assert there is not None
    assert here.max_ulp == there.max_ulp
    if np.isfinite(one) and np.isfinite(other):
        assert (here.max_ulp == 0) == (one == other)


def test_a_branch_that_runs_at_another_place_is_looked_at_where_it_begins_to_differ(tmp_path: Path) -> None:
    near = (ONES * 1.5).astype(np.float32)
    first, second, short, add = dense(3, 3), dense(3, 4), dense(3, 5), Layer("Add")
    names = [("c1", "c2", "short", "add"), ("short", "c1", "c2", "add")]
    apart = {"short": {"output": near}, "add": {"output": near, "inputs": (near, ONES)}}
    views = [
        [Seen("Add" if n == "add" else "Dense", k, name=n, **(more.get(n, {}))) for k, n in enumerate(side)]
        for side, more in zip(names, ({}, apart), strict=True)
    ]
    a = look(make_run(tmp_path / "a", layers=(first, second, short, add)), (*views[0], LOSS))
    b = look(make_run(tmp_path / "b", layers=(short, first, second, add)), (*views[1], LOSS))
    found = compare_inside(Pairing(a, b, a.trainings, b.trainings), 0)
    assert found is not None
    assert (found.inside.path, found.inside.num_different) == ("short", 2)
    assert (found.inside.only_in_baseline, found.inside.only_in_candidate) == ((), ())


def test_one_call_is_not_taken_for_a_turn_of_the_other_sides_loop(tmp_path: Path) -> None:
    # TensorFlow shows the call of a cell that is made outside of its loop, JAX each turn.
    turns = [Seen("Dense", 0, output=ONES * (k + 2), number=0, turn=k, nth=k + 1) for k in range(3)]
    once = Seen("Dense", 0, output=ONES * 2)
    inside = two(tmp_path, (*turns, *CALLS[1:]), (once, *CALLS[1:])).inside
    assert inside.phase == "none"
    apart = two(
        tmp_path / "loops", (*turns, *CALLS[1:]), (turns[0], replace(turns[1], output=NEAR), *turns[2:], *CALLS[1:])
    )
    assert (apart.inside.phase, apart.inside.path, apart.inside.call) == ("forward", "dense", 2)
