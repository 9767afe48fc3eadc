"""Losses that depend on what was logged before: `train_on_batch` up to Keras 3.14."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.comparison.places import place
from tests.handmade import Change, Training, make_run

from samefit.comparison import compare
from samefit.comparison.logged import keras_of
from samefit.comparison.result import Comparison
from samefit.types import Stage

BY_BATCH = (Training((8,), kind="train_on_batch"),)
LOSS = Change("loss", 2, lasting=False)


def loops(tmp_path: Path, keras: str, *changes: Change, **options: Any) -> Comparison:
    manifest = {"versions": {"keras": keras}}
    options = {"trainings": BY_BATCH, "manifest": manifest, **options}
    a = make_run(tmp_path / "a", **options)
    return compare(a, make_run(tmp_path / "b", changes=changes, **options))


@pytest.mark.parametrize("every", [1, 4, 100])
def test_another_loss_of_the_same_step_was_only_logged(tmp_path: Path, every: int) -> None:
    assert place(loops(tmp_path, "3.14.1", LOSS, every=every)) == (Stage.REPORTING, 3, "loss")


def test_another_loss_of_another_step_is_that_of_the_step(tmp_path: Path) -> None:
    update = Change("variable", 2, "dense/kernel")
    assert place(loops(tmp_path, "3.14.1", LOSS, update)) == (Stage.FORWARD, 3, "loss")


def test_what_differs_later_does_not_make_it_more(tmp_path: Path) -> None:
    assert place(loops(tmp_path, "3.14.1", LOSS, Change("batch", 5))) == (Stage.DATA, 6, "inputs")


def test_where_no_state_is_known_it_may_be_the_step(tmp_path: Path) -> None:
    assert place(loops(tmp_path, "3.14.1", LOSS, every=100, ends=False)) == (Stage.FORWARD, 3, "loss")


@pytest.mark.parametrize(("keras", "kind"), [("3.15.0", "train_on_batch"), ("3.14.1", "fit"), ("3.14.1", "custom")])
def test_elsewhere_a_loss_is_that_of_the_step(tmp_path: Path, keras: str, kind: str) -> None:
    result = loops(tmp_path, keras, LOSS, trainings=[Training((8,), kind=kind)])
    assert place(result) == (Stage.FORWARD, 3, "loss")


def test_the_version_of_a_run() -> None:
    assert keras_of({"versions": {"keras": "3.16.0.dev1"}}) == (3, 16)
    assert keras_of({}) == ()
