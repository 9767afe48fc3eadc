"""Two models, one verdict, from probes made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.models_by_hand import RESIDUAL, Step, dense, make_probe, with_result

from samefit.comparison.model_passes import gap
from samefit.comparison.model_result import ModelVerdict, Weights
from samefit.comparison.models import compare_probes
from samefit.store.digest import state_digest
from samefit.store.probes import KEPT, GraphRecord, thinned
from samefit.types import Role


def said(comparison: Any) -> list[tuple[str, str, Any, Any]]:
    return [(s.kind, s.name, s.baseline, s.candidate) for s in comparison.settings]


def test_alike() -> None:
    found = compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL))
    assert (found.verdict, found.weights, found.same) == (ModelVerdict.IDENTICAL, Weights.EQUAL, True)
    assert said(found) == []


@pytest.mark.parametrize(("may", "same"), [("equal", False), ("drawn", True), ("any", True)])
def test_weights_that_differ_by_their_draw(may: str, same: bool) -> None:
    found = compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL, draw=7), weights_may=may)
    assert (found.verdict, found.weights) == (ModelVerdict.SAME_FUNCTION, Weights.OTHER_DRAW)
    assert found.same is same
    assert {one.kind for one in found.weight_differences} == {"draw"}


def test_weights_that_were_loaded_are_more_than_a_draw() -> None:
    b = make_probe(RESIDUAL, draw=7)
    loaded = tuple(replace(v, origin=replace(v.origin, assigned="load_weights")) for v in b.variables)
    found = compare_probes(make_probe(RESIDUAL), replace(b, variables=loaded))
    assert (found.verdict, found.weights, found.same) == (ModelVerdict.SAME_FUNCTION, Weights.OTHER_VALUES, False)
    assert "load_weights" in found.weight_differences[0].detail


def test_weights_that_changed_since_they_were_drawn_are_more_than_a_draw() -> None:
    b = make_probe(RESIDUAL, draw=7)
    trained = tuple(replace(v, origin=replace(v.origin, digest=bytes(16))) for v in b.variables)
    assert compare_probes(make_probe(RESIDUAL), replace(b, variables=trained)).weights is Weights.OTHER_VALUES


def test_another_initialiser_is_more_than_a_draw() -> None:
    b = make_probe(RESIDUAL, draw=7)
    other = tuple(replace(v, origin=replace(v.origin, initializer="HeNormal")) for v in b.variables)
    assert compare_probes(make_probe(RESIDUAL), replace(b, variables=other)).weights is Weights.OTHER_VALUES


def test_an_option_is_named() -> None:
    other = (RESIDUAL[0], dense("d2", "b", "a", "gelu"), *RESIDUAL[2:])
    found = compare_probes(make_probe(RESIDUAL), make_probe(other))
    assert said(found) == [("layer", "d2.activation", "tanh", "gelu")]
    assert (found.verdict, found.same) == (ModelVerdict.DIVERGED, False)
    assert "both compute the same all the same" in found.notes[0]


def test_written_seeds_are_named_and_no_difference_of_the_model() -> None:
    def seeded(seed: int) -> tuple[Step, ...]:
        return (Step("Dropout", "a", ("x",), "drop", {"rate": 0.5, "seed": seed}), dense("d", "b", "a"))

    found = compare_probes(make_probe(seeded(1)), make_probe(seeded(2)))
    assert said(found) == []
    assert [(s.name, s.baseline, s.candidate) for s in found.seeds] == [("drop.seed", 1, 2)]


def test_the_trainable_flag_is_named() -> None:
    other = (dense("d1", "a", "x", trainable=False), *RESIDUAL[1:])
    found = compare_probes(make_probe(RESIDUAL), make_probe(other))
    assert said(found) == [("layer", "d1.trainable", True, False)]


def test_a_missing_residual_is_named() -> None:
    without = (RESIDUAL[0], RESIDUAL[1], dense("head", "d", "b", "linear"))
    found = compare_probes(make_probe(RESIDUAL), make_probe(without))
    assert said(found) == [("structure", "Add", "Add", None)]


def test_a_shared_layer_is_named() -> None:
    shared = (dense("d", "a", "x"), dense("d", "b", "a"))
    apart = (dense("d", "a", "x"), dense("e", "b", "a"))
    found = compare_probes(make_probe(shared), make_probe(apart))
    assert ("structure", "Dense: shared or not", "one layer, d, for 2 calls", "2 layers: d, e") in said(found)


def test_layers_in_another_order_are_named() -> None:
    one = (dense("p", "a", "x", "relu"), dense("q", "b", "a", "tanh"))
    other = (dense("q", "a", "x", "tanh"), dense("p", "b", "a", "relu"))
    found = compare_probes(make_probe(one), make_probe(other))
    assert said(found) == [("layer", "q.activation", "relu", "tanh"), ("layer", "p.activation", "tanh", "relu")]


def test_another_order_of_branches_is_named_where_it_matters() -> None:
    one = (dense("p", "a", "x", "relu"), dense("q", "b", "x", "tanh"), Step("Concatenate", "c", ("a", "b")))
    other = (*one[:2], Step("Concatenate", "c", ("b", "a")))
    found = compare_probes(make_probe(one), make_probe(other))
    assert said(found) == [("layer", "q.activation", "relu", "tanh"), ("layer", "p.activation", "tanh", "relu")]


def test_what_a_layer_takes_is_named() -> None:
    one = (dense("p", "a", "x"), dense("q", "b", "a", "tanh"), Step("Concatenate", "c", ("a", "b")))
    other = (*one[:2], Step("Concatenate", "c", ("x", "b")))
    found = compare_probes(make_probe(one), make_probe(other))
    assert said(found) == [("structure", "Concatenate: what it takes", "p, q", "input 1, q")]


def test_a_constant_is_named() -> None:
    def times(number: float) -> tuple[Step, ...]:
        return (dense("d", "a", "x"), Step("Multiply", "b", ("a",), constants=("tensor", number)))

    found = compare_probes(make_probe(times(2.0)), make_probe(times(3.0)))
    assert said(found) == [("structure", "Multiply: called with", "tensor, 2.0", "tensor, 3.0")]


ARRAYS = ("array (4, 4) float32 " + 32 * "0", "array (4, 4) float32 " + 32 * "1", "array (4,) float32 " + 32 * "0")


def plus(array: str) -> tuple[Step, ...]:
    return (dense("d", "a", "x"), Step("Add", "b", ("a",), constants=("tensor", array)))


def test_an_array_that_a_model_was_built_with_may_have_been_drawn() -> None:
    # Such as what a layer gave out for a constant: with the same weights both compute the same.
    a, b = make_probe(plus(ARRAYS[0])), make_probe(plus(ARRAYS[1]))
    found = compare_probes(a, b)
    assert (found.verdict, said(found)) == (ModelVerdict.IDENTICAL, [])
    assert any("Add: called with" in note for note in found.notes)
    apart = compare_probes(a, with_result(b, "inference/output/0", np.full((4, 4), 2.0, np.float32)))
    shown = tuple(f"tensor, {array[:-24]}" for array in ARRAYS[:2])
    assert (apart.verdict, said(apart)) == (ModelVerdict.DIVERGED, [("structure", "Add: called with", *shown)])


def test_an_array_of_another_shape_is_another_structure() -> None:
    found = compare_probes(make_probe(plus(ARRAYS[0])), make_probe(plus(ARRAYS[2])))
    assert [name for _, name, *_ in said(found)] == ["Add: called with"]


def test_another_function_without_another_option() -> None:
    b = with_result(make_probe(RESIDUAL), "inference/output/0", np.full((4, 4), 2.0, np.float32))
    found = compare_probes(make_probe(RESIDUAL), b)
    assert (found.verdict, found.same_function) == (ModelVerdict.DIVERGED, False)
    assert found.passes[0].first == "the output"


def test_rounding_is_judged_against_what_one_rounding_does() -> None:
    near = np.full((4, 4), 1 + 2.0**-21, np.float32)
    b = with_result(make_probe(RESIDUAL), "inference/output/0", near)
    found = compare_probes(make_probe(RESIDUAL), b)
    assert (found.verdict, found.same) == (ModelVerdict.WITHIN_TOLERANCE, True)
    assert found.passes[0].max_ulp == 4
    far = with_result(make_probe(RESIDUAL), "inference/output/0", np.full((4, 4), 1.0001, np.float32))
    assert compare_probes(make_probe(RESIDUAL), far).verdict is ModelVerdict.DIVERGED
    sensitive = with_result(far, "moved/inference/output/0", np.full((4, 4), 1.0002, np.float32))
    assert compare_probes(make_probe(RESIDUAL), sensitive).verdict is ModelVerdict.WITHIN_TOLERANCE


def test_a_pass_that_failed_is_no_pass() -> None:
    found = compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL, failed={"training": "ValueError: no"}))
    assert (found.verdict, found.same_function) == (ModelVerdict.DIVERGED, None)


def test_random_layers_on_two_backends_are_compared_in_inference() -> None:
    a = make_probe(RESIDUAL)
    seeds = replace(a.variables[1], role=Role.SEED, shape=(4,))
    a = replace(a, variables=(a.variables[0], seeds, *a.variables[2:]))
    b = replace(a, backend="torch")
    found = compare_probes(a, b)
    assert [one.name for one in found.passes] == ["inference", "backward"]
    assert "Random layers" in found.notes[0]


def test_nothing_is_never_the_same() -> None:
    empty = make_probe(RESIDUAL, variables=(), graph=GraphRecord(), digests={}, arrays={})
    empty = replace(empty, model=replace(empty.model, layers=()))
    found = compare_probes(empty, empty)
    assert (found.verdict, found.same) == (ModelVerdict.NOT_COMPARABLE, False)


def test_gaps() -> None:
    one = np.array([1.0, np.nan, -0.0], np.float32)
    assert gap(one, np.array([1.0, np.nan, 0.0], np.float32)).max_abs == 0
    assert gap(one, np.zeros(3, np.float32)).max_abs == float("inf")
    assert gap(one, np.zeros(4, np.float32)).max_abs == float("inf")
    assert gap(np.float32([-1e-45]), np.float32([1e-45])).ulp == 2


# -- what rounding must not hide ----------------------------------------------------------------------------------


def test_elements_that_are_not_kept_are_not_called_rounding() -> None:
    kept = np.ones(KEPT, np.float32)
    a = with_result(make_probe(RESIDUAL), "inference/output/0", kept)
    b = with_result(make_probe(RESIDUAL), "inference/output/0", kept)
    found = compare_probes(a, replace(b, digests={**b.digests, "inference/output/0": b"other"}))
    assert found.verdict is ModelVerdict.DIVERGED
    assert not found.passes[0].is_rounding


def test_no_channel_of_a_large_result_is_left_out() -> None:
    image = np.zeros((8, 256, 256, 3), np.float32)
    for channel in range(3):
        other = image.copy()
        other[..., channel] = 1.0
        assert (thinned(other) != thinned(image)).any()
    assert thinned(image).size == KEPT


def test_a_pass_that_neither_has_says_nothing() -> None:
    without = {"failed": {"backward": "TypeError: no gradient of an integer"}}
    found = compare_probes(make_probe(RESIDUAL, **without), make_probe(RESIDUAL, **without))
    assert found.verdict is ModelVerdict.IDENTICAL
    assert "backward pass" not in found.equal
    assert any("no gradient of an integer" in note for note in found.notes)
    assert compare_probes(make_probe(RESIDUAL), make_probe(RESIDUAL, **without)).verdict is ModelVerdict.DIVERGED


def test_results_that_are_no_numbers_prove_nothing() -> None:
    nothing = np.full((4, 4), np.nan, np.float32)
    probes = [make_probe(RESIDUAL) for _ in "ab"]
    for name in ("inference/output/0", "training/output/0", "backward/loss"):
        probes = [with_result(probe, name, nothing) for probe in probes]
    found = compare_probes(*probes)
    assert found.verdict is ModelVerdict.NOT_COMPARABLE
    assert not found.same
    assert not any(one.compared for one in found.passes)
    assert not any("pass" in text for text in found.equal)
    assert any("no result is a finite number" in note for note in found.notes)


def test_a_mask_that_is_lost_is_named_also_where_no_sample_has_one() -> None:
    probes = [
        replace(probe, digests={**probe.digests, "inference/mask/1/0": state_digest(np.array(mask))})
        for probe, mask in ((make_probe(RESIDUAL), True), (make_probe(RESIDUAL), False))
    ]
    assert said(compare_probes(*probes)) == [("structure", "d2: mask among its inputs", True, False)]


def test_a_weight_that_one_side_does_not_train_is_named() -> None:
    a, b = (with_result(make_probe(RESIDUAL), f"backward/gradient/{k}", np.ones((4, 4), np.float32)) for k in (0, 2))
    assert said(compare_probes(a, b)) == [
        ("layer", "d1/kernel.trainable", True, False),
        ("layer", "d2/kernel.trainable", False, True),
    ]


def test_what_own_layers_hold_is_told() -> None:
    def held(limit: float, code: str) -> Any:
        place = {"file": "/code/layers.py", "line": 3, "source": ""}
        attributes = {"limit": limit, "code of call": {"code": code, "name": place}}
        probe = make_probe(RESIDUAL)
        first, *rest = probe.model.layers
        return replace(probe, model=replace(probe.model, layers=(replace(first, attributes=attributes), *rest)))

    found = compare_probes(held(10.0, "aa"), held(6.0, "aa"))
    assert found.verdict is ModelVerdict.IDENTICAL
    assert any("d1.limit" in note and "on this data both compute the same" in note for note in found.notes)
    apart = with_result(held(6.0, "bb"), "inference/output/0", np.zeros((4, 4), np.float32))
    found = compare_probes(held(10.0, "aa"), apart)
    assert ("layer", "d1.limit", 10.0, 6.0) in said(found)
    assert any(name == "d1: code of call" for _, name, *_ in said(found))
    assert not any("on this data" in note for note in compare_probes(held(1.0, "aa"), held(1.0, "aa")).notes)
