"""Causes that act between two steps of one training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import at, case_between, found, lines, slugs, texts
from tests.handmade import Change, Layer, Training, make_run

from samefit.explain.case import Case

HELD_OUT = {"validation_data": {"type": "tuple", "digest": "a1"}}
PLAN = {"do": "fit", "training": 1, "arguments": {"validation_data": None}}


def validating(
    tmp_path: Path,
    options: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, HELD_OUT),
    step: int = 4,
    stateful: bool = True,
) -> Case:
    """Two trainings of two epochs of four steps, with these options of `fit`; the candidate parts at a step."""
    runs = []
    for name, more in zip("ab", options, strict=True):
        layer = Layer("SimpleRNN", {"kernel": (4, 4)}, config={"stateful": stateful}, record={"location": at(7)})
        changes = [Change("loss", step, value=3.5)] if name == "b" else []
        trainings = [Training(options={**more}, location=at(9))]
        runs.append(make_run(tmp_path / name, layers=[layer], trainings=trainings, changes=changes))
    return case_between(*runs)


@pytest.mark.parametrize("validates", [0, 1])
def test_a_validation_that_moves_a_recurrent_state(validates: int, tmp_path: Path) -> None:
    first = found(validating(tmp_path, (HELD_OUT, {}) if validates == 0 else ({}, HELD_OUT)))[0]
    assert (first.slug, first.location) == ("state-carried-over", at(7))
    assert "epoch 2 goes on from the state that the validation before it left" in first.summary
    assert "fit(validation_data=…)" in texts(first)
    assert lines(first) == [9, 9]
    assert first.counterfactuals[0].both == (PLAN,)


def test_a_split_of_the_data_cannot_be_taken_back(tmp_path: Path) -> None:
    first = found(validating(tmp_path, ({}, {"validation_split": 0.25})))[0]
    assert (first.slug, first.counterfactuals, bool(first.no_counterfactual)) == ("state-carried-over", (), True)


@pytest.mark.parametrize(
    "changed",
    [{"stateful": False}, {"options": (HELD_OUT, HELD_OUT)}, {"step": 5}, {"step": 0}],
    ids=["a layer without a state", "the same validation", "a later step", "the first step"],
)
def test_what_no_validation_explains(changed: dict[str, Any], tmp_path: Path) -> None:
    assert "state-carried-over" not in slugs(validating(tmp_path, **changed))
