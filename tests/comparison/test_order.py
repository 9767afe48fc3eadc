from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.comparison.places import place
from tests.handmade import Change, Training, make_run

from samefit.comparison import compare
from samefit.comparison.order import in_order_of
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

NAMES = {3: "generator", 4: "classifier", 5: "teacher"}
"""Models of numbers above 2 have weights of their own in a hand-made run."""


def trained(path: Path, *models: int, names: Mapping[int, str] = NAMES, **options: Any) -> Run:
    """Returns a run that trains models one after the other."""
    return make_run(path, trainings=[Training((3,), model=model) for model in models], names=names, **options)


def order(a: Run, b: Run) -> list[int]:
    return [training.number for training in in_order_of(a, a.trainings, b, b.trainings)]


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ([3, 4], [4, 3], [2, 1]),
        ([3, 4, 5], [5, 3, 4], [2, 3, 1]),
        ([3, 4, 3], [4, 3, 3], [2, 1, 3]),
        ([3, 4], [3, 4], [1, 2]),
        # Not the same models, or not equally often: nothing says what belongs together.
        ([3, 4], [4, 5], [1, 2]),
        ([3, 3, 4], [4, 4, 3], [1, 2, 3]),
        ([3, 4], [4, 3, 3], [1, 2, 3]),
    ],
)
def test_models_are_paired_by_what_the_user_calls_them(
    tmp_path: Path, first: Sequence[int], second: Sequence[int], wanted: list[int]
) -> None:
    assert order(trained(tmp_path / "a", *first), trained(tmp_path / "b", *second)) == wanted


@pytest.mark.parametrize("names", [{3: "sequential", 4: "sequential_1"}, {3: "one", 4: "one"}])
def test_what_cannot_be_told_apart_stays_as_it_is(tmp_path: Path, names: Mapping[int, str]) -> None:
    # Keras's own names say in which order models were built; these consist of the same layers.
    runs = [trained(tmp_path / name, *models, names=names) for name, models in (("a", (3, 4)), ("b", (4, 3)))]
    assert order(*runs) == [1, 2]


@pytest.mark.parametrize(("data", "wanted"), [("xy", [1, 2]), ("yx", [2, 1]), ("zz", [2, 1])])
def test_models_that_got_each_others_options_are_not_exchanged(tmp_path: Path, data: str, wanted: list[int]) -> None:
    runs = []
    for name, models, given in (("a", (3, 4), "xy"), ("b", (4, 3), data)):
        trainings = [Training(model=m, options={"x": {"digest": d}}) for m, d in zip(models, given, strict=True)]
        run = make_run(tmp_path / name, trainings=trainings, names={3: "sequential", 4: "sequential_1"})
        layer, *others = run.models[4].layers
        # One of the two models has another option.
        changed = replace(run.models[4], layers=(replace(layer, config={"units": 8, "use_bias": False}), *others))
        run.__dict__["models"] = {**run.models, 4: changed}
        runs.append(run)
    assert order(*runs) == wanted


def test_another_order_alone_is_no_difference(tmp_path: Path) -> None:
    found = compare(trained(tmp_path / "a", 3, 4), trained(tmp_path / "b", 4, 3))
    assert (found.verdict, found.steps_compared) == (Verdict.IDENTICAL, 6)
    assert found.notes == (
        "The two sides train the same models in another order; model by model these belong together: #1 and #2, "
        "#2 and #1.",
    )


@pytest.mark.parametrize("every", [1, 2, 7])
@pytest.mark.parametrize(("index", "step"), [(0, 4), (2, 6), (3, 1), (4, 2)])
def test_what_differs_is_found_in_the_model_that_differs(tmp_path: Path, index: int, step: int, every: int) -> None:
    changes = [Change("loss", index, lasting=False), Change("batch", index, lasting=False)]
    a, b = trained(tmp_path / "a", 3, 4, every=every), trained(tmp_path / "b", 4, 3, every=every, changes=changes)
    found = compare(a, b)
    assert place(found) == (Stage.DATA, step, "inputs")
    assert found.first_divergence is not None
    assert (found.first_divergence.training, found.first_divergence.candidate_training) == (
        (1, 2) if step < 4 else (2, 1)
    )
    assert found.differences["loss"].first_step == step


def test_models_that_take_turns_alike_stay_paired_by_position(tmp_path: Path) -> None:
    found = compare(trained(tmp_path / "a", 3, 4), trained(tmp_path / "b", 3, 4))
    assert (found.verdict, found.notes) == (Verdict.IDENTICAL, ())
