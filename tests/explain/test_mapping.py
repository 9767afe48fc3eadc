"""Weights that the user put: into other layers, into some of them, on one side only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import Story, at, found, plans, slugs, texts
from tests.explain.first_weights import ARRAYS, built, drawn, layer, put, two
from tests.handmade import Layer, dropout


def loaded(how: str | None = "set_weights", **origin: Any) -> Layer:
    return layer(assigned=how, assigned_location=at(6) if how else None, **origin)


def test_weights_in_other_places(tmp_path: Path) -> None:
    layers = [loaded(), loaded(), dropout()]
    case = two(tmp_path, (layers, layers), changes=(put(ARRAYS[0], ARRAYS[1]), put(ARRAYS[1], ARRAYS[0])))
    first = found(case)[0]
    assert (first.slug, first.location) == ("weight-mapping", at(6))
    assert "set_weights at line 6 of train.py" in texts(first)
    assert "what the baseline has in dense/kernel stands in dense_1/kernel" in texts(first)
    assert first.counterfactuals[0].transplants[0] == {
        "do": "permute",
        "training": 1,
        "pairs": {"dense/kernel": "dense_1/kernel", "dense_1/kernel": "dense/kernel"},
    }


def test_equal_paths_of_layers_in_other_places(tmp_path: Path) -> None:
    names = [("dense", "dense_1"), ("dense_1", "dense")]
    layers = [[replace(loaded(), name=name) for name in both] for both in names]
    changes = (put(ARRAYS[0], ARRAYS[1]), put(ARRAYS[0], ARRAYS[1]))
    first = found(two(tmp_path, (layers[0], layers[1]), changes=changes))[0]
    assert "has in dense/kernel stands in dense/kernel, not in dense_1/kernel, which runs in its place" in texts(first)


def test_three_weights_that_went_round(tmp_path: Path) -> None:
    layers = [loaded(), loaded(), loaded()]
    case = two(tmp_path, (layers, layers), changes=(put(*ARRAYS[:3]), put(ARRAYS[2], ARRAYS[0], ARRAYS[1])))
    assert found(case)[0].counterfactuals[0].transplants[0]["pairs"] == {
        "dense/kernel": "dense_1/kernel",
        "dense_1/kernel": "dense_2/kernel",
        "dense_2/kernel": "dense/kernel",
    }


@pytest.mark.parametrize(
    ("how", "values"),
    [
        ("set_weights", (ARRAYS[1], ARRAYS[2])),  # not the same arrays
        (None, (ARRAYS[1], ARRAYS[0])),  # not put there by the user
    ],
)
def test_other_weights_are_not_a_mapping(tmp_path: Path, how: str | None, values: Any) -> None:
    layers = [loaded(how), loaded(how)]
    case = two(tmp_path, (layers, layers), changes=(put(ARRAYS[0], ARRAYS[1]), put(*values)))
    assert "weight-mapping" not in slugs(case)


def test_state_that_a_call_outside_of_training_moved(tmp_path: Path) -> None:
    case = two(tmp_path, ([layer(), layer()], [loaded("call"), layer()]), changes=((), put(ARRAYS[2])))
    first = found(case)[0]
    assert (first.slug, first.location) == ("state-carried-over", at(6))
    assert "moved by a call at line 6 of train.py: dense/kernel" in texts(first)
    assert plans(first) == ["weights"]


def test_state_that_both_sides_moved_is_not_blamed(tmp_path: Path) -> None:
    moved = [loaded("call"), layer()]
    case = two(tmp_path, (moved, moved), changes=((), put(ARRAYS[2])))
    assert "state-carried-over" not in slugs(case)


def test_weights_that_reach_only_some_layers(tmp_path: Path) -> None:
    everywhere = [loaded("load_weights"), loaded("load_weights")]
    case = two(
        tmp_path,
        (everywhere, [loaded("load_weights"), loaded(None)]),
        changes=(put(ARRAYS[0], ARRAYS[1]), put(ARRAYS[0], ARRAYS[2])),
    )
    first = found(case)[0]
    assert first.slug == "weight-mapping"
    assert "reach only some layers of the candidate" in first.summary
    assert "not loaded: dense_1/kernel" in texts(first)
    assert plans(first) == ["weights"]


@pytest.mark.parametrize(("sides", "slug"), [((0, 1), "state-lost"), ((1, 0), "state-carried-over")])
def test_weights_that_one_side_does_not_load(tmp_path: Path, sides: tuple[int, int], slug: str) -> None:
    layers = [[loaded("load_weights")], [loaded(None)]]
    values = [put(ARRAYS[0]), put(ARRAYS[1])]
    case = two(tmp_path, (layers[sides[0]], layers[sides[1]]), changes=(values[sides[0]], values[sides[1]]))
    first = found(case)[0]
    assert first.slug == slug
    assert "load the weights on both sides:  model.load_weights(...)" in first.remedy


@pytest.mark.parametrize(
    ("component", "number", "slug"),
    [("model", 0, "weight-mapping"), ("another_model", 0, "state-lost"), ("model", 4, "state-lost")],
)
def test_weights_of_a_file_that_reach_nothing(tmp_path: Path, component: str, number: int, slug: str) -> None:
    stories = Story(), Story().note("load", 4, function="load_weights", component=component, value=number)
    layers = [loaded("set_weights")], [loaded(None)]
    first = found(two(tmp_path, layers, stories, (put(ARRAYS[0]), put(ARRAYS[1]))))[0]
    assert first.slug == slug
    if slug == "weight-mapping":
        assert first.location == at(4)
        assert "load_weights left all weights at their first values" in texts(first)
        assert plans(first) == ["weights"]


def test_what_the_user_assigned_has_no_seed_to_blame(tmp_path: Path) -> None:
    stories = built(Story("a")), built(Story("b"))
    layers = [drawn(s, n, assigned="assign", assigned_location=at(6)) for n, s in enumerate(stories)]
    assert "unseeded" not in slugs(two(tmp_path, ([layers[0]], [layers[1]]), stories))
