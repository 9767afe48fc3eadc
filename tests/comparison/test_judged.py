"""One step from equal state: what is rounding, what is another function, and what is a change of sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from samefit.comparison.judged import Models, View, judge_step
from samefit.comparison.parity import JudgedStep, Parity, Place
from samefit.store.inside import InsideCall, InsideStep
from samefit.store.records import LayerRecord, ModelRecord, VariableRecord
from samefit.types import Build, Location, Role

Array = np.ndarray[Any, Any]

LAYERS = (
    LayerRecord("Dense", "dense", {"activation": "relu"}),
    LayerRecord("Dropout", "dropout", {"rate": 0.5}, seed_value=7),
    LayerRecord("LeakyReLU", "leaky", {"negative_slope": 0.1}, location=Location("train.py", 4)),
)
MODEL = ModelRecord(1, "model", "Sequential", Build.SEQUENTIAL, LAYERS, (), "execution")
VARIABLES = (
    VariableRecord(Role.TRAINABLE, "dense/kernel", (3,), "float32", 0, 0),
    VariableRecord(Role.OPTIMIZER, "adam/momentum", (3,), "float32", slot="momentum", slot_of=0),
    VariableRecord(Role.OPTIMIZER, "adam/iteration", (), "int32", slot="iteration"),
    VariableRecord(Role.OPTIMIZER, "adam/learning_rate", (), "float32", slot="learning_rate"),
    VariableRecord(Role.NON_TRAINABLE, "norm/moving_mean", (3,), "float32"),
)
MODELS = Models(MODEL, MODEL, [(0, 0), (1, 1), (2, 2)], [(v, v) for v in VARIABLES])
ONE = np.array([1.0, 2.0, 4.0], np.float32)
BEGIN = {
    "dense/kernel": ONE,
    "adam/momentum": ONE * 0,
    "adam/iteration": np.int32(3),
    "adam/learning_rate": np.float32(0.1),
    "norm/moving_mean": ONE,
}
PLAIN: Mapping[str, Array] = {
    "dense": np.array([0.0, 2.0, 4.0], np.float32),
    "dropout": np.array([0.0, 0.0, 8.0], np.float32),
    "leaky": np.array([-1.0, 2.0, 4.0], np.float32),
    "loss": np.float32(1.0),
    "gradient/dense/kernel": np.array([3.0, 0.0, 4.0], np.float32),
    "after/dense/kernel": ONE - np.float32(0.5),
    "after/adam/momentum": ONE * np.float32(0.5),
    "after/adam/iteration": np.int32(4),
    "after/norm/moving_mean": ONE * np.float32(0.75),
}
ULP = np.float32(1.0) + np.float32(2.0**-23)


def view(changes: Mapping[str, Any] | None = None, dtype: Any = None) -> View:
    """Returns a step that gives out `PLAIN` with changes, each a function of what is there or an array."""
    values = dict(PLAIN)
    for name, change in (changes or {}).items():
        values[name] = np.asarray(change(values[name]) if callable(change) else change)
    if dtype is not None:
        values = {name: value.astype(dtype) for name, value in values.items()}
    calls, arrays = [], {}
    for number, name in enumerate(("dense", "dropout", "leaky", "loss")):
        layer = None if name == "loss" else number
        kind, cls = ("loss", "") if name == "loss" else ("layer", LAYERS[number].class_name)
        call = InsideCall(
            number, 0, None, kind, cls, name, layer, 1, True, (), (), (bytes(16),), (values[name].shape,), ()
        )
        calls.append(call)
        arrays[call.array(0)] = values[name]
    arrays |= {name: value for name, value in values.items() if "/" in name}
    return View(InsideStep(0, False, tuple(calls)), arrays)


def scaled(factor: float) -> Any:
    return lambda value: value * np.float32(factor)


def judged(
    b: Mapping[str, Any],
    moved: Mapping[str, Any] | None = None,
    wide: Mapping[str, Any] | None = None,
    dtype: Any = np.float64,
) -> JudgedStep:
    far = None if wide is None else (view(dtype=dtype), view(wide, dtype=dtype))
    return judge_step(MODELS, BEGIN, (view(), view(b)), view(moved), far)


def places(step: JudgedStep) -> dict[tuple[str, str], Place]:
    return {(place.phase, place.path): place for place in step.places}


def test_the_same_bits() -> None:
    step = judged({})
    assert (step.verdict, step.begins, step.telling, step.flips, step.masks) == ("rounding", None, None, (), True)
    # Four calls, a gradient, a weight, a slot, a state; a counter and a rate are compared elsewhere.
    assert step.compared == 8


def test_a_gap_of_a_few_floors_is_rounding() -> None:
    step = judged({"dense": scaled(1 + 1e-6)}, moved={"dense": scaled(1 + 5e-7)})
    place = places(step)["forward", "dense"]
    assert place.gap == pytest.approx(1e-6, rel=0.1)
    assert place.floor == pytest.approx(5e-7, rel=0.2)
    assert (place.verdict, step.verdict, step.begins) == ("rounding", "rounding", place)


def test_no_floor_is_lower_than_one_unit_in_the_last_place() -> None:
    # Nothing that a weight does reaches this layer, such as one on the data alone.
    place = places(judged({"dense": scaled(float(ULP))}))["forward", "dense"]
    assert place.floor == 2.0**-23
    assert place.verdict == "rounding"


@pytest.mark.parametrize(
    ("name", "phase", "path"),
    [
        ("dense", "forward", "dense"),
        ("leaky", "forward", "leaky"),
        ("loss", "loss", "loss"),
        ("gradient/dense/kernel", "backward", "dense/kernel"),
        ("after/dense/kernel", "update", "dense/kernel"),
        ("after/adam/momentum", "update", "adam/momentum"),
        ("after/norm/moving_mean", "state", "norm/moving_mean"),
    ],
)
def test_another_function_is_named_by_its_first_place(name: str, phase: str, path: str) -> None:
    off = {name: scaled(1.01)}
    step = judged(off, wide=off)
    assert step.beyond is not None
    assert (step.beyond.phase, step.beyond.path, step.verdict) == (phase, path, "logic")
    assert Parity(steps=(step,)).beyond == (step, step.beyond)


def test_the_line_that_made_the_layer_is_named() -> None:
    off = {"leaky": scaled(1.01)}
    beyond = judged(off, wide=off).beyond
    assert beyond is not None
    assert beyond.location == Location("train.py", 4)


def test_a_large_gap_that_float64_takes_away_is_rounding() -> None:
    step = judged({"dense": scaled(1.01)}, wide={"dense": lambda value: value * (1 + 1e-12)})
    assert (places(step)["forward", "dense"].verdict, step.verdict) == ("proven", "rounding")


def test_float32_inside_of_float64_shows_nothing() -> None:
    off = {"gradient/dense/kernel": scaled(1 + 6e-7)}
    step = judged(off, wide=off, dtype=np.float32)
    assert places(step)["backward", "dense/kernel"].gap_float64 is None
    assert step.verdict == "undecided"
    assert Parity(steps=(step,)).is_rounding is None


def test_a_gap_that_float64_takes_away_in_part_is_not_decided() -> None:
    step = judged({"dense": scaled(1.01)}, wide={"dense": scaled(1.0001)})
    assert step.verdict == "undecided"


def test_without_float64_only_what_is_far_off_is_another_function() -> None:
    assert judged({"dense": scaled(1.01)}).verdict == "logic"
    assert judged({"dense": scaled(1 + 4e-6)}).verdict == "undecided"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_on_one_side_alone_is_infinitely_far(value: float) -> None:
    step = judged({"dense": np.array([0.0, value, 4.0], np.float32)})
    assert places(step)["forward", "dense"].gap == np.inf
    assert step.verdict == "logic"


def test_what_is_no_number_on_both_sides_is_equal() -> None:
    same = np.array([0.0, np.nan, np.inf], np.float32)
    step = judge_step(MODELS, BEGIN, (view({"dense": same}), view({"dense": same})), view({"dense": same}), None)
    assert step.begins is None


def test_gradients_are_judged_against_the_norm_of_all_of_them() -> None:
    step = judged({"gradient/dense/kernel": np.array([3.0, 1e-6, 4.0], np.float32)})
    assert places(step)["backward", "dense/kernel"].gap == pytest.approx(1e-6 / 5, rel=1e-3)


def test_updates_are_judged_against_the_largest_change() -> None:
    step = judged({"after/dense/kernel": ONE - np.array([0.5, 0.5, 0.501], np.float32)})
    assert places(step)["update", "dense/kernel"].gap == pytest.approx(0.002, rel=1e-3)


def test_elements_next_to_the_corner_that_land_on_two_sides_are_counted() -> None:
    near = np.array([3e-8, 2.0, 4.0], np.float32)
    step = judged({"dense": near})
    (flips,) = step.flips
    assert (flips.path, flips.number, flips.elements, flips.corner) == ("dense", 1, 3, 0.0)
    assert flips.distance == pytest.approx(3e-8)
    assert flips.relative == pytest.approx(3e-8 / 4)
    assert step.verdict == "rounding"


def test_a_gradient_behind_a_change_of_sides_is_not_called_another_function_without_float64() -> None:
    off = {"dense": np.array([3e-8, 2.0, 4.0], np.float32), "gradient/dense/kernel": scaled(1.01)}
    assert judged(off).verdict == "undecided"
    assert judged(off, wide={}).verdict == "rounding"
    # Without the change of sides it is.
    assert judged({"gradient/dense/kernel": scaled(1.01)}).verdict == "logic"


def test_far_from_the_corner_nothing_changes_sides() -> None:
    assert judged({"dense": np.array([0.1, 2.0, 4.0], np.float32)}).flips == ()
    # A leaky one gives out negative numbers, and another one on the same side is no change of sides.
    assert judged({"leaky": scaled(1.01)}).flips == ()


def test_the_upper_corner() -> None:
    layers = (LayerRecord("Dense", "dense", {"activation": "hard_sigmoid"}), *LAYERS[1:])
    model = ModelRecord(1, "model", "Sequential", Build.SEQUENTIAL, layers, (), "execution")
    models = Models(model, model, MODELS.layers, MODELS.variables)
    one, other = np.array([0.5, 1.0, 0.2], np.float32), np.array([0.5, 1 - 6e-8, 0.2], np.float32)
    step = judge_step(models, BEGIN, (view({"dense": one}), view({"dense": other})), view({"dense": one}), None)
    assert [(flips.number, flips.corner) for flips in step.flips] == [(1, 1.0)]


def test_another_mask_is_seen() -> None:
    assert judged({"dropout": np.array([0.0, 4.0, 0.0], np.float32)}).masks is False
    # What was next to zero before the mask may be zero on one side.
    assert judged({"dropout": np.array([0.0, 1e-8, 8.0], np.float32)}).masks is True


def test_a_few_things_are_told_of_many() -> None:
    step = judged({"gradient/dense/kernel": scaled(1 + 2e-7), "after/adam/momentum": scaled(1 + 2e-7)})
    told = [(place.phase, place.path) for place in step.places]
    assert told == [
        ("forward", "dense"),
        ("forward", "dropout"),
        ("forward", "leaky"),
        ("loss", "loss"),
        ("backward", "dense/kernel"),
        ("update", "adam/momentum"),
        ("state", "norm/moving_mean"),
    ]
