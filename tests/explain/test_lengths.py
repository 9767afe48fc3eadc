"""Trainings that were told to train for longer: told where another one comes behind, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.explain.suspects import suspects


def shifted(
    tmp_path: Path, *options: dict[str, Any], steps: tuple[Any, Any] = (((4, 4), (4,)), ((4,), (4, 4)))
) -> Case:
    """Two trainings each; the sides part in step 5."""
    runs = []
    for name, own, (first, second) in zip("ab", options, steps, strict=True):
        trainings = [Training(steps=first, options=own, location=at(5)), Training(steps=second, options={"epochs": 1})]
        changes = [Change("batch", 4)] if name == "b" else []
        runs.append(make_run(tmp_path / name, trainings=trainings, changes=changes))
    return case_between(*runs)


def test_another_number_of_epochs_before(tmp_path: Path) -> None:
    case = shifted(tmp_path, {"epochs": 2, "validation_split": 0.5}, {"epochs": 1, "validation_split": 0.5})
    assert case.places == (0, 1)
    (only,) = suspects(case)
    assert (only.slug, only.location) == ("data-order", at(5))
    assert [e.text for e in only.evidence] == [
        "fit(epochs=2) at line 5 of train.py",
        "fit(epochs=1) at line 5 of train.py",
    ]
    plan = {"do": "fit", "training": 1, "arguments": {"epochs": 2}}
    assert only.counterfactuals[0].transplants == (plan,)


def test_what_is_not_written_is_what_keras_takes(tmp_path: Path) -> None:
    (only,) = suspects(shifted(tmp_path, {"epochs": 2}, {}))
    assert only.remedy.startswith("give both the same  epochs=2")


@pytest.mark.parametrize("options", [{}, {"epochs": 3}])
def test_trainings_that_were_told_the_same_are_not_of_another_length(tmp_path: Path, options: dict[str, Any]) -> None:
    told = [s.summary for s in suspects(shifted(tmp_path, options, options))]
    assert not any("equally long" in summary for summary in told)


def test_sides_that_part_in_the_same_training_are_not_shifted(tmp_path: Path) -> None:
    case = shifted(tmp_path, {"epochs": 2}, {"epochs": 3}, steps=(((4, 4), (4,)),) * 2)
    assert case.places == (0, 0)
    assert not any("equally long" in s.summary for s in suspects(case))


def test_one_training_and_the_same_in_parts_are_not_shifted(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole", trainings=[Training((4, 4), options={"epochs": 2})])
    parts = make_run(tmp_path / "parts", trainings=[Training((4,)), Training((4,))], changes=[Change("batch", 4)])
    case = case_between(whole, parts, trainings=([1], [1, 2]))
    assert case.places == (0, 1)
    assert not any("equally long" in s.summary for s in suspects(case))
