"""Weights that no step has changed: the callbacks are named, and nothing that acts in a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.explain.cases import FILE, case_between
from tests.handmade import Change, Training, make_run

from samefit.comparison import compare
from samefit.explain.case import Case
from samefit.explain.suspects import suspects
from samefit.types import Location, Stage, Verdict

STOPPING = {"callbacks": ["EarlyStopping"], "callback_options": [{"restore_best_weights": True, "patience": 2}]}


def case_of(tmp_path: Path, options: Any, compiled: Any = None, change: str = "final", step: int = 0) -> Case:
    a, b = Training(options=STOPPING), Training(options=options)
    b = b if compiled is None else Training(options=options, compiled=compiled)
    changes = [Change(change, step, "dense/kernel"), *([Change("loss", step)] if change == "between" else [])]
    return case_between(
        make_run(tmp_path / "a", trainings=[a]), make_run(tmp_path / "b", trainings=[b], changes=changes)
    )


def test_the_option_of_a_callback(tmp_path: Path) -> None:
    options = {**STOPPING, "callback_options": [{"restore_best_weights": False, "patience": 2}]}
    (only,) = suspects(case_of(tmp_path, options))
    assert only.slug == "callback"
    assert [line.text for line in only.evidence] == [
        "EarlyStopping.restore_best_weights: True and False",
        "weights after the last step are equal",
    ]


def test_another_callback(tmp_path: Path) -> None:
    (only,) = suspects(case_of(tmp_path, {"callbacks": ["Averaging"], "callback_options": [{}]}))
    assert [line.text for line in only.evidence][:2] == ["fit(callbacks=[EarlyStopping])", "fit(callbacks=[Averaging])"]


def test_an_option_of_the_optimizer(tmp_path: Path) -> None:
    compiled = {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.001, "ema_momentum": 0.9}}, "loss": "mse"}
    first, second = suspects(case_of(tmp_path, STOPPING, compiled))
    assert (first.slug, second.slug) == ("callback", "optimizer-config")


def test_callbacks_of_the_same_classes_and_options(tmp_path: Path) -> None:
    (only,) = suspects(case_of(tmp_path, STOPPING))
    assert "whose plain options are the same" in only.summary
    assert [plan["without_callbacks"] for plan in only.counterfactuals[0].both] == [["EarlyStopping"]]


def printing(code: str, *lines: str) -> dict[str, Any]:
    """A callback of the user's own, with the method of these lines."""
    source = "\n".join(["    def on_epoch_end(self, epoch, logs=None):", *(f"        {line}" for line in lines)])
    written = {"code": code, "name": {"file": FILE, "line": 5, "source": source}}
    return {"callbacks": ["Show"], "callback_options": [{}], "callback_code": [{"Show.on_epoch_end": written}]}


def test_other_code_of_a_callback_of_ones_own(tmp_path: Path) -> None:
    a, b = (Training(options=printing(*o)) for o in (("aa", "show(logs)"), ("bb", "show(logs)", "prune(self.model)")))
    changes = [Change("final", 0, "dense/kernel")]
    runs = make_run(tmp_path / "a", trainings=[a]), make_run(tmp_path / "b", trainings=[b], changes=changes)
    only, last = suspects(case_between(*runs))
    # Code may differ in what matters to nobody.
    assert "whose plain options are the same" in last.summary
    assert only.summary.endswith("and the callbacks do not run the same code.")
    assert only.location == Location(FILE, 7, "prune(self.model)")
    assert [(line.side, line.text) for line in only.evidence][:2] == [
        ("baseline", "Show.on_epoch_end: nothing in its place"),
        ("candidate", "Show.on_epoch_end: prune(self.model)"),
    ]
    assert only.remedy == "write one Show.on_epoch_end for both sides"
    assert only.counterfactuals[0].both[0]["without_callbacks"] == ["Show"]


def test_equal_code_of_callbacks_is_not_blamed(tmp_path: Path) -> None:
    a, b = (Training(options=printing("aa", line)) for line in ("show(logs)", "show( logs )"))
    changes = [Change("final", 0, "dense/kernel")]
    runs = make_run(tmp_path / "a", trainings=[a]), make_run(tmp_path / "b", trainings=[b], changes=changes)
    (only,) = suspects(case_between(*runs))
    assert "whose plain options are the same" in only.summary


@pytest.mark.parametrize(
    ("name", "values"), [("validation_data", [{"digest": "va"}, {"digest": "vb"}]), ("validation_freq", [1, 2])]
)
def test_a_callback_that_follows_another_validation(tmp_path: Path, name: str, values: list[Any]) -> None:
    a, b = ({**STOPPING, name: value} for value in values)
    runs = [
        make_run(tmp_path / "a", trainings=[Training(options=a)]),
        make_run(tmp_path / "b", trainings=[Training(options=b)], changes=[Change("final", path="dense/kernel")]),
    ]
    (only,) = suspects(case_between(*runs))
    assert only.summary.endswith("and EarlyStopping follows the validation, which is not the same.")
    assert any(line.text.startswith(f"fit({name}=") for line in only.evidence)
    assert only.remedy == f"give both fits the same {name}"
    assert only.counterfactuals[0].stage_only


def test_weights_that_a_callback_changes_between_two_steps(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"callbacks": ["Pruning"], "callback_options": [{}]}, change="between", step=2)
    assert (case.divergence.step, case.divergence.detail) == (3, "between two steps, before the step")
    (only,) = suspects(case)
    assert only.slug == "callback"
    assert only.summary.startswith("Weights are changed before step 3, not by a step")


def test_weights_that_a_callback_changes_between_epochs(tmp_path: Path) -> None:
    case = case_of(tmp_path, {"callbacks": ["Pruning"], "callback_options": [{}]}, change="between", step=4)
    assert (case.divergence.stage, case.divergence.step, case.divergence.path) == (Stage.STATE, 5, "dense/kernel")
    assert case.divergence.detail == "between two epochs, before the step"
    (first,) = suspects(case)
    assert first.slug == "callback"
    assert first.summary.startswith("Weights are changed before epoch 2, not by a step")
    # Only what the sides do not have in common is taken away.
    assert [plan["without_callbacks"] for plan in first.counterfactuals[0].both] == [["EarlyStopping", "Pruning"]]


def test_what_both_sides_change_alike_is_no_difference(tmp_path: Path) -> None:
    changes = [Change("between", 4, "dense/kernel")]
    runs = [make_run(tmp_path / name, trainings=[Training(options=STOPPING)], changes=changes) for name in "ab"]
    assert compare(*runs).verdict is Verdict.IDENTICAL


def test_without_callbacks_none_is_blamed(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / name, changes=[Change("final", path="dense/kernel")] if name == "b" else ())
        for name in "ab"
    ]
    assert suspects(case_between(*runs)) == ()


def test_what_parts_in_a_step_is_not_blamed_on_the_end(tmp_path: Path) -> None:
    options = {**STOPPING, "callback_options": [{"restore_best_weights": False, "patience": 2}]}
    found = suspects(case_of(tmp_path, options, change="variable"))
    assert not any("not by a step" in suspect.summary for suspect in found)


def test_a_callback_is_taken_from_the_side_that_has_it(tmp_path: Path) -> None:
    trainings = [Training((4, 4), options={}), Training((4, 4), options={"callbacks": ["Pruning"]}, model=2)]
    changes = [Change("between", 12, "dense/kernel"), Change("loss", 12)]
    run = make_run(tmp_path / "run", trainings=trainings, changes=changes)
    (first,) = suspects(case_between(run, run, trainings=([1], [2])))
    plan = {"do": "fit", "training": 2, "arguments": {}, "without_callbacks": ["Pruning"]}
    assert first.counterfactuals[0].both == (plan,)


def ended_earlier(tmp_path: Path, *patience: int, second: Any = None) -> Case:
    """The baseline's first fit ends after an epoch, and puts other weights in; the candidate's goes on for another."""
    options = [{**STOPPING, "callback_options": [{"restore_best_weights": True, "patience": n}]} for n in patience]
    own = {} if second is None else {"options": second}
    steps = ((4,), (4, 4)), ((4, 4), (4,))
    trainings = [
        [Training(steps=one, options=first), Training(steps=other, **own)]
        for (one, other), first in zip(steps, options, strict=True)
    ]
    changes = [Change("begin", 4, "dense/kernel")]
    return case_between(
        make_run(tmp_path / "a", trainings=trainings[0], changes=changes),
        make_run(tmp_path / "b", trainings=trainings[1]),
    )


def test_a_callback_that_ended_the_training_before_on_one_side(tmp_path: Path) -> None:
    case = ended_earlier(tmp_path, 1, 3)
    assert (case.a.training.number, case.b.training.number) == (2, 1)
    first = suspects(case)[0]
    assert first.slug == "callback"
    assert first.summary.startswith("fit #1 of the baseline has ended where fit #1 of the candidate goes on")
    assert first.evidence[0].text == "EarlyStopping.patience: 1 and 3"
    assert first.counterfactuals[0].both[0]["without_callbacks"] == ["EarlyStopping"]


def test_equal_callbacks_ended_no_training_earlier(tmp_path: Path) -> None:
    """Nor do those of the fit that follows on one side alone."""
    assert "callback" not in [s.slug for s in suspects(ended_earlier(tmp_path, 2, 2, second=STOPPING))]
