"""Weights that differ only when `fit` has ended: the callbacks are named, and nothing that acts in a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.explain.cases import case_between
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.explain.suspects import suspects

STOPPING = {"callbacks": ["EarlyStopping"], "callback_options": [{"restore_best_weights": True, "patience": 2}]}


def case_of(tmp_path: Path, options: Any, compiled: Any = None, change: str = "final") -> Case:
    a, b = Training(options=STOPPING), Training(options=options)
    b = b if compiled is None else Training(options=options, compiled=compiled)
    changes = [Change(change, path="dense/kernel")]
    return case_between(
        make_run(tmp_path / "a", trainings=[a]), make_run(tmp_path / "b", trainings=[b], changes=changes)
    )


def test_the_option_of_a_callback(tmp_path: Path) -> None:
    options = {**STOPPING, "callback_options": [{"restore_best_weights": False, "patience": 2}]}
    (only,) = suspects(case_of(tmp_path, options))
    assert only.slug == "unknown"
    assert [line.text for line in only.evidence] == [
        "EarlyStopping.restore_best_weights: True and False",
        "weights after the last step are equal",
    ]


def test_another_callback(tmp_path: Path) -> None:
    (only,) = suspects(case_of(tmp_path, {"callbacks": ["Averaging"], "callback_options": [{}]}))
    assert [line.text for line in only.evidence][:2] == ["fit(callbacks=[EarlyStopping])", "fit(callbacks=[Averaging])"]


def test_an_option_of_the_optimizer(tmp_path: Path) -> None:
    compiled = {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.001, "ema_momentum": 0.9}}, "loss": "mse"}
    (only,) = suspects(case_of(tmp_path, STOPPING, compiled))
    assert only.slug == "optimizer-config"


def test_the_same_callbacks_are_not_blamed(tmp_path: Path) -> None:
    assert suspects(case_of(tmp_path, STOPPING)) == ()


def test_what_parts_in_a_step_is_not_blamed_on_the_end(tmp_path: Path) -> None:
    options = {**STOPPING, "callback_options": [{"restore_best_weights": False, "patience": 2}]}
    found = suspects(case_of(tmp_path, options, change="variable"))
    assert not any("when fit ends" in suspect.summary for suspect in found)
