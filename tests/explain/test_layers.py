"""Causes in the layers: options, structure, masks, precision, and what of them is trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between, found, plans, slugs, texts
from tests.handmade import Change, Layer, Training, dense, make_run

from samefit.explain.case import Case, Suspect
from samefit.store.records import CallRecord
from samefit.types import Stage

LOSS = (Change("loss"),)
UPDATE = (Change("variable", 0, "dense/kernel"),)


def layer(**options: Any) -> Layer:
    record = {"location": at(7), **options.pop("record", {})}
    return dense(4, 4, config={"units": 4, **options}, record=record)


def two(tmp_path: Path, a: Sequence[Layer], b: Sequence[Layer], changes: Sequence[Change] = LOSS, **run: Any) -> Case:
    calls, manifest = run.pop("calls", (None, None)), run.pop("manifest", {})
    runs = [
        make_run(
            tmp_path / name,
            layers=own,
            calls=calls[i],
            trainings=[Training(location=at(9))],
            changes=changes if i else (),
            manifest={"target": f"{name}.py", **manifest},
            **run,
        )
        for i, (name, own) in enumerate((("a", a), ("b", b)))
    ]
    return case_between(*runs)


# -- options ------------------------------------------------------------------------------------------------------


def test_an_option_of_a_layer(tmp_path: Path) -> None:
    case = two(tmp_path, [layer(activation="relu")], [layer(activation="gelu", record={"construction": 3})])
    assert case.divergence.stage is Stage.FORWARD
    first = found(case)[0]
    assert (first.slug, first.location) == ("model-config", at(7))
    assert "Dense(activation='relu') and Dense(activation='gelu')" in texts(first)
    assert first.remedy == "write  Dense(activation='relu')  on both sides"
    assert first.counterfactuals[0].transplants == (
        {"do": "layer", "class": "Dense", "construction": 3, "arguments": {"activation": "relu"}},
    )


def test_an_option_that_is_set_after_a_layer_was_made(tmp_path: Path) -> None:
    # Both are made alike; what the constructor gets is not what trains.
    first = found(two(tmp_path, [layer(rate=0.2)], [layer(rate=0.4)]))[0]
    plan = {"do": "attributes", "training": 1, "values": {"dense": {"rate": 0.2}}}
    assert first.counterfactuals[-1].transplants == (plan,)
    objects = found(two(tmp_path / "objects", [layer(rate={"config": 1})], [layer(rate={"config": 2})]))[0]
    assert len(objects.counterfactuals) == 1
    names = [[layer(rate=rate), layer(rate=rate)] for rate in (0.2, 0.4)]
    twice = [[replace(one, name="same") for one in side] for side in names]
    assert len(found(two(tmp_path / "names", *twice))[0].counterfactuals) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "relu"},
        {"name": "hidden"},
        {"kernel_initializer": {"class_name": "Zeros", "config": {}, "registered_name": "Zeros"}},
    ],
)
def test_equal_options_and_names_are_not_blamed(tmp_path: Path, options: dict[str, Any]) -> None:
    plain = {"activation": "relu", "name": "dense", "kernel_initializer": {"class_name": "Zeros", "config": {}}}
    assert slugs(two(tmp_path, [layer(**plain)], [layer(**{**plain, **options})])) == []


def test_an_option_of_layers_of_two_classes_cannot_be_put_in(tmp_path: Path) -> None:
    own = Layer("MyDense", {"kernel": (4, 4), "bias": (4,)}, config={"units": 4, "activation": "gelu"})
    first = found(two(tmp_path, [layer(activation="relu")], [own]))[0]
    assert (first.slug, first.counterfactuals) == ("model-config", ())
    assert first.no_counterfactual == "Dense and MyDense are different classes"


def test_a_seed_is_told_from_another_option(tmp_path: Path) -> None:
    a, b = (layer(seed=n, activation=name) for n, name in ((1, "relu"), (2, "gelu")))
    suspects = found(two(tmp_path, [a], [b]))
    assert [s.slug for s in suspects] == ["model-config", "different-seed"]
    assert "seed" not in texts(suspects[0])
    assert texts(suspects[1]) == "Dense(seed=1) and Dense(seed=2)"


@pytest.mark.parametrize(("baseline", "candidate"), [(None, 7), (7, None)])
def test_the_seed_that_one_side_has_is_what_to_write(
    tmp_path: Path, baseline: int | None, candidate: int | None
) -> None:
    first = found(two(tmp_path, [layer(seed=baseline)], [layer(seed=candidate)]))[0]
    assert (first.slug, first.remedy) == ("different-seed", "write  Dense(seed=7)  on both sides")


# -- structure ----------------------------------------------------------------------------------------------------


def calls(*names: str, **fields: Any) -> list[CallRecord]:
    found = []
    for name in names:
        is_layer = name == "Dense"
        own = {"mask_in": fields.get("mask", False)} if is_layer else {}
        own |= {"training": fields["training"]} if is_layer and "training" in fields else {}
        found.append(CallRecord("layer" if is_layer else "op", name, 0 if is_layer else None, location=at(7), **own))
    return found


def test_an_operation_more(tmp_path: Path) -> None:
    case = two(tmp_path, [layer()], [layer()], calls=(calls("Dense"), calls("Multiply", "Dense")))
    first = found(case)[0]
    assert (first.slug, first.location) == ("model-config", at(7))
    assert texts(first) == "only in the candidate: Multiply"
    assert "cannot be put in from outside" in first.no_counterfactual


def test_a_mask_that_an_operation_drops(tmp_path: Path) -> None:
    a, b = calls("Dense", mask=True), calls("Multiply", "Dense")
    first = found(two(tmp_path, [layer()], [layer()], calls=(a, b)))[0]
    assert "a mask is lost on the way" in first.summary
    assert "Dense: mask among its inputs: True and False" in texts(first)
    assert "compute_mask" in first.remedy
    assert first.counterfactuals[0].transplants == ({"do": "masks", "side": ""},)


def test_a_layer_without_a_partner_where_no_forward_pass_was_seen(tmp_path: Path) -> None:
    case = two(tmp_path, [layer()], [layer(), layer()], calls=([], []), order="structure")
    assert case.divergence.stage is Stage.INITIAL_WEIGHTS
    first = found(case)[0]
    assert (first.slug, texts(first)) == ("model-config", "only in the candidate: Dense")


def test_a_layer_that_is_called_like_a_mask_is_no_lost_mask(tmp_path: Path) -> None:
    case = two(tmp_path, [layer()], [layer()], calls=(calls("Dense"), calls("unmask", "Dense")))
    assert "a mask is lost" not in found(case)[0].summary


# -- precision ----------------------------------------------------------------------------------------------------


def test_another_dtype_policy(tmp_path: Path) -> None:
    half = layer(record={"dtype_policy": "mixed_float16"})
    first = found(two(tmp_path, [layer()], [half]))[0]
    assert (first.slug, first.location) == ("precision", at(7))
    assert "Dense: dtype policy float32" in texts(first)
    assert "keras.config.set_dtype_policy('float32')" in first.remedy
    assert plans(first) == ["layer", "global"]
    assert first.counterfactuals[0].transplants[0]["arguments"] == {"dtype": "float32"}


def test_a_dtype_that_one_layer_of_several_was_given(tmp_path: Path) -> None:
    """What holds for all layers is the same on both sides, and setting it would not help."""
    half, whole = ({"record": {"dtype_policy": policy}} for policy in ("mixed_bfloat16", "float32"))
    sides = [[layer(**half), layer(**last)] for last in (whole, half)]
    first = found(two(tmp_path, *sides))[0]
    assert (first.slug, first.remedy) == ("precision", "write  Dense(..., dtype='float32')  on both sides")


def test_one_dtype_policy_is_not_blamed(tmp_path: Path) -> None:
    half = layer(record={"dtype_policy": "mixed_float16"})
    assert "precision" not in slugs(two(tmp_path, [half], [half]))


# -- what is trained ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slots", [("momentum",), ()])
def test_a_constraint_on_one_side_acts_in_the_update(tmp_path: Path, slots: Sequence[str]) -> None:
    held = {"class_name": "MaxNorm", "config": {"max_value": 1.0, "axis": 0}}
    a, b = (
        make_run(
            tmp_path / name,
            layers=[dense(4, 8, config={"units": 8, "kernel_constraint": constraint}, record={"location": at(7)})],
            changes=[Change("applied", 0, "dense/kernel")] if constraint else (),
            slots=slots,
        )
        for name, constraint in (("a", None), ("b", held))
    )
    case = case_between(a, b)
    assert case.divergence.stage is Stage.UPDATE
    first = found(case)[0]
    assert (first.slug, first.location, first.weak) == ("model-config", at(7), False)
    assert "Dense(kernel_constraint=None) and Dense(kernel_constraint=MaxNorm(max_value=1.0, axis=0))" in texts(first)


def test_a_layer_that_one_side_freezes(tmp_path: Path) -> None:
    runs = [
        make_run(
            tmp_path / name,
            layers=[layer()],
            trainings=[Training(location=at(9), frozen=frozen)],
            changes=UPDATE if frozen else (),
        )
        for name, frozen in (("a", ()), ("b", (0,)))
    ]
    case = case_between(*runs)
    assert case.divergence.stage is Stage.BACKWARD
    first = found(case)[0]
    assert (first.slug, first.location, first.weak) == ("trainable-set", at(7), False)
    assert "dense.trainable: True and False" in texts(first)
    assert "layer.trainable = True" in first.remedy
    assert first.counterfactuals[0].transplants == ({"do": "trainable", "training": 1, "values": {"dense": True}},)


def still(tmp_path: Path, side: str, frozen: tuple[int, ...]) -> Suspect:
    """Equal flags on both sides, and one side leaves a weight alone."""
    runs = [
        make_run(
            tmp_path / name,
            layers=[layer()],
            trainings=[Training(location=at(9), frozen=frozen)],
            changes=[Change("still", path=f"dense/{weight}") for weight in ("kernel", "bias")] if name == side else (),
        )
        for name in "ab"
    ]
    return next(suspect for suspect in found(case_between(*runs)) if suspect.slug == "trainable-set")


def test_a_change_of_the_flag_that_was_not_picked_up(tmp_path: Path) -> None:
    first = still(tmp_path, "a", (0,))
    assert (first.weak, first.location) == (False, at(9))
    assert "not picked up" in first.summary
    assert "dense/kernel stays as it is in the step, on this side only" in texts(first)
    assert "dense.trainable is False, and the step trains it" in texts(first)
    assert "then call  compile  again" in first.remedy
    assert first.counterfactuals[0].transplants == ({"do": "trainable", "training": 1, "values": {"dense": False}},)


def test_a_change_that_the_baseline_did_not_pick_up(tmp_path: Path) -> None:
    first = still(tmp_path, "b", (0,))
    assert not first.weak
    (fix,) = first.counterfactuals
    assert (fix.of_baseline, fix.text) == (True, "the baseline's step compiled anew, with the flags as they are")
    assert fix.transplants == ({"do": "trainable", "training": 1, "values": {"dense": False}},)


def test_a_weight_that_does_not_move_may_have_no_gradient(tmp_path: Path) -> None:
    first = still(tmp_path, "a", ())
    assert (first.weak, first.counterfactuals) == (True, ())
    assert first.summary == "Another set of weights is trained."


def operation(line: int = 7, construction: int = 0, **options: Any) -> CallRecord:
    return CallRecord("op", "LeakyRelu", None, location=at(line), options=options, construction=construction)


def test_the_option_of_an_operation(tmp_path: Path) -> None:
    calls = [[operation(construction=2, negative_slope=slope)] for slope in (0.2, 0.3)]
    first, *others = found(two(tmp_path, [layer()], [layer()], calls=(calls[0], calls[1])))
    assert (first.slug, first.location) == ("model-config", at(7))
    assert texts(first) == "LeakyRelu: negative_slope=0.2 and negative_slope=0.3"
    assert first.remedy == "give LeakyRelu negative_slope=0.2 on both sides"
    plan = {"do": "layer", "class": "LeakyRelu", "construction": 2, "arguments": {"negative_slope": 0.2}}
    assert first.counterfactuals[0].transplants == (plan,)
    assert not [other for other in others if other.slug == "model-config"]


def test_a_value_in_an_expression_cannot_be_put_in(tmp_path: Path) -> None:
    calls = [[operation(**{"argument 2": value})] for value in (2, 3)]
    first = found(two(tmp_path, [layer()], [layer()], calls=(calls[0], calls[1])))[0]
    assert (texts(first), first.counterfactuals) == ("LeakyRelu: argument 2=2 and argument 2=3", ())


def test_layers_that_both_freeze_are_not_blamed(tmp_path: Path) -> None:
    frozen = dense(4, 4, trainable=False)
    assert "trainable-set" not in slugs(two(tmp_path, [frozen], [frozen], UPDATE))


def test_a_layer_with_a_variable_more_is_the_same_layer_with_another_option(tmp_path: Path) -> None:
    # A stateful layer holds its state, and pairs by no variable.
    a = Layer("LSTM", {}, {"rnn_state": (4, 4)}, config={"stateful": True})
    b = Layer("LSTM", {}, config={"stateful": False})
    suspects = found(two(tmp_path, [layer(), a], [layer(), b]))
    assert [(s.slug, texts(s)) for s in suspects] == [("model-config", "LSTM(stateful=True) and LSTM(stateful=False)")]
    other = found(two(tmp_path / "other", [layer(), a], [layer(), replace(b, class_name="GRU")]))
    assert "only in the baseline" in texts(other[0])


def around(**options: Any) -> list[Layer]:
    """An LSTM and its cell: the weights, and what the LSTM hands on, are the cell's."""
    config = {"units": 4, "seed": 1, "go_backwards": False, **options}
    cell = Layer("LSTMCell", {"kernel": (4, 16)}, config={"units": config["units"]})
    return [Layer("LSTM", is_leaf=False, config=config), cell]


def test_an_option_of_a_layer_that_holds_others(tmp_path: Path) -> None:
    first = found(two(tmp_path, around(), around(go_backwards=True)))[0]
    assert first.slug == "model-config"
    assert texts(first) == "LSTM(go_backwards=False) and LSTM(go_backwards=True)"
    assert first.counterfactuals[0].transplants[0]["arguments"] == {"go_backwards": False}


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 2},
        {"cell": {"class_name": "LSTMCell", "config": {"units": 8}}},
        {"cells": [{"class_name": "LSTMCell", "config": {"units": 8}}]},
    ],
)
def test_what_a_layer_holds_is_not_said_of_it(tmp_path: Path, options: dict[str, Any]) -> None:
    same = {name: 1 if name == "seed" else None for name in options}
    assert "model-config" not in slugs(two(tmp_path, around(**same), around(**options)))


def test_what_a_layer_hands_on_is_said_once(tmp_path: Path) -> None:
    assert texts(found(two(tmp_path, around(), around(units=8)))[0]) == "LSTMCell(units=4) and LSTMCell(units=8)"


def test_layers_that_hold_others_of_other_kinds_are_no_pairs(tmp_path: Path) -> None:
    gru = [Layer("GRU", is_leaf=False, config={"go_backwards": True}), around()[1]]
    assert not any("go_backwards" in texts(suspect) for suspect in found(two(tmp_path, around(), gru)))
