from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.handmade import LAYERS, Training, dense, make_run

from samefit.comparison import compare
from samefit.comparison.values import same_value
from samefit.store.records import CallRecord
from samefit.types import Location

Found = list[tuple[str, str, Any, Any]]


def listed(tmp_path: Path, a: Mapping[str, Any], b: Mapping[str, Any]) -> Found:
    first, second = make_run(tmp_path / "a", **a), make_run(tmp_path / "b", **b)
    return [(s.kind, s.name, s.baseline, s.candidate) for s in compare(first, second).settings]


@pytest.mark.parametrize(
    ("key", "a", "b", "expected"),
    [
        ("environment", {"OMP_NUM_THREADS": "1"}, {}, ("environment", "OMP_NUM_THREADS", "1", None)),
        ("versions", {"keras": "3.15.1"}, {"keras": "3.15.2"}, ("version", "keras", "3.15.1", "3.15.2")),
        ("flags", {"x64": True}, {"x64": False}, ("flag", "x64", True, False)),
        ("threads", {"OMP": 2}, {"OMP": 4}, ("flag", "OMP", 2, 4)),
        (
            "globals",
            {"dtype_policy": "float32"},
            {"dtype_policy": "mixed_float16"},
            ("global", "dtype_policy", "float32", "mixed_float16"),
        ),
        ("device", "cpu", "gpu", ("device", "device", "cpu", "gpu")),
        ("backend", "jax", "torch", ("backend", "backend", "jax", "torch")),
    ],
)
def test_what_the_manifests_say(tmp_path: Path, key: str, a: Any, b: Any, expected: tuple[Any, ...]) -> None:
    assert listed(tmp_path, {"manifest": {key: a}}, {"manifest": {key: b}}) == [expected]
    assert listed(tmp_path / "same", {"manifest": {key: a}}, {"manifest": {key: a}}) == []


def test_variables_that_samefit_itself_sets_are_left_out(tmp_path: Path) -> None:
    environment = {"environment": {"SAMEFIT_LAUNCH": "1", "PYTHONPATH": "x"}}
    assert listed(tmp_path, {"manifest": environment}, {}) == []


def test_options_of_callbacks(tmp_path: Path) -> None:
    def fit(*options: Mapping[str, Any], names: Sequence[str] = ("EarlyStopping",)) -> Mapping[str, Any]:
        return {"trainings": [Training(options={"callbacks": list(names), "callback_options": list(options)})]}

    one, other = fit({"patience": 2, "verbose": 0}), fit({"patience": 3, "verbose": 1})
    assert listed(tmp_path / "options", one, other) == [("fit", "EarlyStopping.patience", 2, 3)]
    assert listed(tmp_path / "same", one, one) == []
    before = {"trainings": [Training(options={"callbacks": ["EarlyStopping"]})]}
    assert listed(tmp_path / "before", before, one) == []
    # Of another class the options say nothing.
    assert [name for _, name, *_ in listed(tmp_path / "other", one, fit({"a": 1}, names=["Mine"]))] == ["callbacks[0]"]


def _initializer(seed: int | None, name: str = "GlorotUniform") -> dict[str, Any]:
    return {
        "module": "keras.initializers",
        "class_name": name,
        "config": {"seed": seed, "name": f"i{seed}"},
        "registered_name": None,
    }


def test_options_of_layers_are_compared_all_the_way_down(tmp_path: Path) -> None:
    def layers(seed: int | None, **more: Any) -> list[Any]:
        return [
            dense(4, 8, config={"units": 8, "kernel_initializer": _initializer(seed), "name": f"n{seed}", **more}),
            *LAYERS[1:],
        ]

    assert listed(tmp_path / "seed", {"layers": layers(1)}, {"layers": layers(2)}) == [
        ("layer", "dense.kernel_initializer.seed", 1, 2)
    ]
    assert listed(tmp_path / "more", {"layers": layers(1)}, {"layers": layers(1, activation="relu")}) == [
        ("layer", "dense.activation", None, "relu")
    ]
    nan = {"rate": math.nan, "list": [1, [math.nan]]}
    assert listed(tmp_path / "nan", {"layers": layers(1, **nan)}, {"layers": layers(1, **nan)}) == []
    assert listed(tmp_path / "list", {"layers": layers(1, k=[3, 3])}, {"layers": layers(1, k=[3, 5])}) == [
        ("layer", "dense.k[1]", 3, 5)
    ]


def test_another_class_of_an_initialiser_is_one_difference(tmp_path: Path) -> None:
    a, b = (
        [dense(4, 8, config={"kernel_initializer": _initializer(1, name)})] for name in ("GlorotUniform", "HeNormal")
    )
    found = listed(tmp_path, {"layers": a}, {"layers": b})
    assert [name for _, name, _, _ in found] == ["dense.kernel_initializer"]
    assert found[0][2]["class_name"] == "GlorotUniform"


def test_dtype_and_trainable_stand_once(tmp_path: Path) -> None:
    frozen = replace(LAYERS[0], trainable=False, config={"units": 8, "trainable": False, "dtype": "x"})
    assert listed(tmp_path, {}, {"layers": [frozen, *LAYERS[1:]]}) == [("layer", "dense.trainable", True, False)]


def test_a_users_own_class_is_compared_by_what_both_have(tmp_path: Path) -> None:
    mine = replace(LAYERS[0], class_name="MyDense", config={"units": 9, "extra": 1})
    found = listed(tmp_path, {}, {"layers": [mine, *LAYERS[1:]]})
    assert ("layer", "mydense.units", 8, 9) in found
    assert not any("extra" in name for _, name, _, _ in found)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (
            {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.1}}},
            {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.2}}},
            ("optimizer", "optimizer.learning_rate", 0.1, 0.2),
        ),
        ({"loss": "mse"}, {"loss": "mae"}, ("loss", "loss", "mse", "mae")),
        ({"jit_compile": True}, {"jit_compile": False}, ("compile", "jit_compile", True, False)),
    ],
)
def test_what_compile_was_given(tmp_path: Path, a: Any, b: Any, expected: Any) -> None:
    assert listed(tmp_path, {"trainings": [Training(compiled=a)]}, {"trainings": [Training(compiled=b)]}) == [expected]


def test_where_compile_was_called_is_no_setting(tmp_path: Path) -> None:
    a, b = {"number": 0, "location": {"line": 1}}, {"number": 1, "location": {"line": 9}}
    assert listed(tmp_path, {"trainings": [Training(compiled=a)]}, {"trainings": [Training(compiled=b)]}) == []


def test_what_fit_was_given(tmp_path: Path) -> None:
    a = {"batch_size": 32, "verbose": 1, "rows": "ab", "x": {"type": "ndarray", "shape": [8, 4], "digest": "aa"}}
    b = {"batch_size": 16, "verbose": 0, "rows": "cd", "x": {"type": "ndarray", "shape": [9, 4], "digest": "bb"}}
    assert listed(tmp_path, {"trainings": [Training(options=a)]}, {"trainings": [Training(options=b)]}) == [
        ("fit", "batch_size", 32, 16),
        ("data", "x.digest", "aa", "bb"),
        ("data", "x.shape[0]", 8, 9),
    ]


PLACE = Location("train.py", 7)


def _calls(*calls: CallRecord) -> dict[str, Sequence[CallRecord]]:
    return {"calls": calls}


def test_calls_that_only_one_side_makes(tmp_path: Path) -> None:
    first, second = CallRecord("layer", "Dense", 0), CallRecord("layer", "Dense", 3)
    add = CallRecord("op", "Add", None, location=PLACE)
    dropout = CallRecord("layer", "Dropout", 2)
    assert listed(tmp_path, _calls(first, second), _calls(first, add, second)) == [
        ("structure", "Add", None, "operation")
    ]
    assert listed(tmp_path / "x", _calls(first, dropout, second), _calls(first, second)) == [
        ("structure", "Dropout", "dropout", None)
    ]
    assert listed(tmp_path / "unseen", _calls(first), {"calls": ()}) == []


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"training": True}, {"training": False}, [("structure", "Dense: training", True, False)]),
        ({"training": True}, {"training": None}, [("structure", "Dense: training", True, None)]),
        ({"training": False}, {"training": None}, []),
        ({"mask_in": True}, {}, [("structure", "Dense: mask among its inputs", True, False)]),
        ({"mask_out": True}, {}, [("structure", "Dense: mask among its outputs", True, False)]),
    ],
)
def test_how_a_layer_was_called(tmp_path: Path, a: Any, b: Any, expected: Found) -> None:
    call = CallRecord("layer", "Dense", 0, location=PLACE)
    assert listed(tmp_path, _calls(replace(call, **a)), _calls(replace(call, **b))) == expected


def test_values_are_the_same_exactly_or_both_not_numbers() -> None:
    assert same_value({"a": [1.0, math.nan]}, {"a": (1.0, math.nan)})
    assert not same_value(0.1, math.nextafter(0.1, 1))
    assert not same_value({"a": 1}, {"a": 1, "b": None})
    assert not same_value([1], [1, 2])
    assert not same_value(math.nan, 0.0)
