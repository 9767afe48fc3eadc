"""Causes in what `compile` and `fit` were given, and in what is only logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.explain.cases import FILE, Story, at, case_between, found, plans, slugs, texts
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case
from samefit.types import Location, Stage

ADAM = {"class": "Adam", "config": {"learning_rate": 0.001, "epsilon": 1e-7, "name": "adam"}}
LINE = {"file": "/code/train.py", "line": 8, "code": "model.compile(...)"}
FORWARD = (Change("loss"),)
UPDATE = (Change("variable", 0, "dense/kernel"),)
LOG = (Change("log", path="mae"),)


def two(
    tmp_path: Path,
    changes: Sequence[Change],
    a: Mapping[str, Any] | None = None,
    b: Mapping[str, Any] | None = None,
    options: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
    metrics: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
    backends: tuple[str, str] = ("jax", "jax"),
) -> Case:
    runs = []
    for i, (name, compiled) in enumerate((("a", a), ("b", b))):
        compiled = {"optimizer": ADAM, "loss": "mse", "number": 2, "location": LINE, **(compiled or {})}
        training = Training(options=options[i], compiled=compiled, location=at(9), metrics=metrics[i])
        changed = changes if i else ()
        manifest = {"target": f"{name}.py", "backend": backends[i]}
        runs.append(make_run(tmp_path / name, trainings=[training], changes=changed, manifest=manifest))
    return case_between(*runs)


# -- compile ------------------------------------------------------------------------------------------------------


def test_an_option_of_the_optimizer(tmp_path: Path) -> None:
    other = {**ADAM, "config": {**ADAM["config"], "epsilon": 1e-3}}
    case = two(tmp_path, UPDATE, b={"optimizer": other})
    assert case.divergence.stage is Stage.UPDATE
    first = found(case)[0]
    assert (first.slug, first.location) == ("optimizer-config", Location("/code/train.py", 8, "model.compile(...)"))
    assert texts(first) == "Adam(epsilon=1e-07) and Adam(epsilon=0.001)"
    assert [line.location for line in first.evidence] == [first.location]
    assert first.remedy == "write  Adam(epsilon=1e-07)  on both sides"
    assert first.counterfactuals[0].transplants == ({"do": "compile", "side": "", "compile": 2, "optimizer": ADAM},)


@pytest.mark.parametrize("option", ["learning_rate", "epsilon"])
def test_a_rate_that_was_set_after_compile_is_told_with_its_line(tmp_path: Path, option: str) -> None:
    other = {**ADAM, "config": {**ADAM["config"], option: 0.5}}
    story = Story().note("assign", 7, function="assign", component="adam/learning_rate").training(1)
    runs = []
    for name, optimizer in (("a", ADAM), ("b", other)):
        compiled = {"optimizer": optimizer, "loss": "mse", "number": 2, "location": LINE}
        training = Training(compiled=compiled, location=at(9), begin_event=story.begin[1])
        events = story.events if name == "b" else story.events[1:]
        changes = UPDATE if name == "b" else ()
        runs.append(make_run(tmp_path / name, trainings=[training], changes=changes, events=events))
    first = found(case_between(*runs))[0]
    told = [(line.side, line.location) for line in first.evidence if "is set at" in line.text]
    # Another option is not set by that line.
    assert told == ([("candidate", at(7))] if option == "learning_rate" else [])
    assert (first.location == at(7)) == (option == "learning_rate")


def own(code: str, line: int) -> dict[str, Any]:
    written = {"Warm.__call__": {"code": code, "name": {"file": FILE, "line": line, "source": at(line).code}}}
    schedule = {"class_name": f"Warm (your own, {code})", "config": {}}
    optimizer = {"class": "Adam", "config": {"learning_rate": schedule, "clipnorm": None}}
    return {"optimizer": optimizer, "written_at": {"optimizer": written}}


def test_code_of_the_users_own_is_named_with_its_lines(tmp_path: Path) -> None:
    first = found(two(tmp_path, UPDATE, own("aa", 3), own("bb", 5)))[0]
    assert (first.slug, first.location, first.weak) == ("optimizer-config", at(5), True)
    named = [(e.text, e.side, e.location) for e in first.evidence if e.location is not None]
    assert named == [("Warm.__call__", "baseline", at(3)), ("Warm.__call__", "candidate", at(5))]
    assert first.remedy == "give both the same code as optimizer"


def test_equal_code_at_other_lines_is_no_difference_and_no_obstacle(tmp_path: Path) -> None:
    one, other = own("aa", 3), own("aa", 5)
    case = two(tmp_path / "equal", UPDATE, one, other)
    assert "optimizer-config" not in slugs(case)
    assert not case.comparison.settings
    other["optimizer"]["config"]["clipnorm"] = 1.0
    first = found(two(tmp_path / "clipped", UPDATE, one, other))[0]
    assert (first.slug, plans(first)) == ("optimizer-config", ["compile"])
    # The schedule is left to the side, which has it.
    assert first.counterfactuals[0].transplants[0]["optimizer"] == {"options": {"clipnorm": None}}
    assert not any(evidence.text == "Warm.__call__" for evidence in first.evidence)


def test_other_code_beside_another_option_is_taken_away_piece_by_piece(tmp_path: Path) -> None:
    one, other = own("aa", 3), own("bb", 5)
    other["optimizer"]["config"]["clipnorm"] = 1.0
    option, code, both = found(two(tmp_path, UPDATE, one, other))[:3]
    assert (texts(option), option.weak) == ("Adam(clipnorm=None) and Adam(clipnorm=1.0)", False)
    assert option.remedy == "write  Adam(clipnorm=None)  on both sides"
    assert option.counterfactuals[0].transplants[0]["optimizer"] == {"options": {"clipnorm": None}}
    assert ("clipnorm" in texts(code), "Warm.__call__" in texts(code), code.weak) == (False, True, True)
    assert code.counterfactuals[0].both[0]["optimizer"] == {"options": {"learning_rate": 0.01}}
    assert both.counterfactuals[0].both[0]["optimizer"] == {"options": {"learning_rate": 0.01, "clipnorm": None}}
    assert ("clipnorm" in texts(both), "Warm.__call__" in texts(both)) == (True, True)


def test_an_option_of_a_schedule_of_the_users_own_is_handed_over(tmp_path: Path) -> None:
    one, other = own("aa", 3), own("aa", 5)
    for side, rate in ((one, 0.1), (other, 0.2)):
        side["optimizer"]["config"]["learning_rate"]["config"] = {"rate": rate}
    only = [s for s in found(two(tmp_path, UPDATE, one, other)) if s.slug == "optimizer-config"]
    put_in = only[0].counterfactuals[0].transplants[0]["optimizer"]
    assert put_in == {"options": {"learning_rate": {"class_name": "Warm", "config": {"rate": 0.1}}}}
    assert len(only) == 1
    assert texts(only[0]) == "Adam(learning_rate=Warm(rate=0.1)) and Adam(learning_rate=Warm(rate=0.2))"
    assert only[0].remedy == "write  Adam(learning_rate=Warm(rate=0.1))  on both sides"


def owned(code: str, scale: float) -> dict[str, Any]:
    return {"loss": {"class": f"Mine (your own, {code})", "config": {"scale": scale}}}


def test_a_loss_of_the_users_own_with_another_option(tmp_path: Path) -> None:
    first = found(two(tmp_path, FORWARD, owned("aa", 1.0), owned("aa", 2.0)))[0]
    assert (first.slug, texts(first), first.weak) == (
        "loss-config",
        "Mine(scale=1.0) and Mine(scale=2.0)",
        False,
    )
    assert first.counterfactuals[0].transplants[0]["loss"] == {"options": {"scale": 1.0}}


def test_a_loss_of_other_code_is_replaced_on_both_sides(tmp_path: Path) -> None:
    first = found(two(tmp_path, FORWARD, owned("aa", 1.0), owned("bb", 1.0)))[0]
    assert (first.slug, first.weak) == ("loss-config", True)
    assert [plan["loss"] for plan in first.counterfactuals[0].both] == ["mean_squared_error"]


def test_a_loss_of_another_compile_is_not_replaced(tmp_path: Path) -> None:
    one, other = owned("aa", 1.0) | {"number": 0}, owned("bb", 1.0)
    first = found(two(tmp_path, FORWARD, one, other))[0]
    assert (first.slug, first.counterfactuals) == ("loss-config", ())


def test_of_several_losses_a_side_keeps_its_own(tmp_path: Path) -> None:
    mine = "mine (your own, aa)"
    one, other = {"loss": {"p": mine, "q": "mse"}}, {"loss": {"p": mine, "q": "mae"}}
    first = found(two(tmp_path, FORWARD, one, other))[0]
    assert first.counterfactuals[0].transplants[0]["loss"] == {"p": {"kept": True}, "q": "mse"}


def test_another_optimizer(tmp_path: Path) -> None:
    first = found(two(tmp_path, UPDATE, b={"optimizer": {"class": "SGD", "config": {}}}))[0]
    assert (first.slug, texts(first)) == ("optimizer-config", "optimizer: Adam and SGD")


@pytest.mark.parametrize("mine", [(), ("LearningRateScheduler",)])
def test_another_optimizer_whose_rate_a_callback_sets(tmp_path: Path, mine: Sequence[str]) -> None:
    options = {"callbacks": list(mine)}, {"callbacks": ["Own", "LearningRateScheduler"]}
    case = two(tmp_path, UPDATE, b={"optimizer": {"class": "SGD", "config": {}}}, options=options)
    first = found(case)[0]
    assert plans(first) == (["compile"] if mine else ["compile fit"])
    assert ("fit(callbacks=[LearningRateScheduler])" in texts(first)) is not bool(mine)
    if not mine:
        assert first.counterfactuals[0].transplants[1]["without_callbacks"] == ["LearningRateScheduler"]


def test_a_name_of_an_optimizer_is_no_difference(tmp_path: Path) -> None:
    named = {**ADAM, "config": {**ADAM["config"], "name": "my_adam"}}
    assert slugs(two(tmp_path, UPDATE, b={"optimizer": named})) == []


@pytest.mark.parametrize(
    ("name", "one", "other", "text"),
    [
        ("loss", "mse", "mae", "loss: mse and mae"),
        ("loss", "bce", {"class": "BCE", "config": {"from_logits": True}}, "loss: bce and BCE(from_logits=True)"),
        (
            "loss",
            {"class": "Huber", "config": {"delta": 1.0}},
            {"class": "Huber", "config": {"delta": 2.0}},
            "Huber(delta=1.0) and Huber(delta=2.0)",
        ),
        ("loss", {"p": "mse", "q": "mae"}, {"p": "mse", "q": "mse"}, "loss of q: mae and mse"),
        (
            "loss_weights",
            [1.0, 1.0],
            [1.0, 2.0],
            "compile(loss_weights=[1.0, 1.0]) and compile(loss_weights=[1.0, 2.0])",
        ),
        ("loss_weights", None, [1.0, 2.0], "compile(loss_weights=None) and compile(loss_weights=[1.0, 2.0])"),
    ],
)
def test_another_loss(tmp_path: Path, name: str, one: Any, other: Any, text: str) -> None:
    first = found(two(tmp_path, FORWARD, {name: one}, {name: other}))[0]
    assert (first.slug, texts(first)) == ("loss-config", text)
    assert first.counterfactuals[0].transplants[0][name] == one


def test_equal_compilation_is_not_blamed(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, FORWARD)) == []


# -- fit ----------------------------------------------------------------------------------------------------------


def test_other_weights_of_classes(tmp_path: Path) -> None:
    first = found(two(tmp_path, FORWARD, options=({"class_weight": {"0": 1.0}}, {"class_weight": {"0": 2.0}})))[0]
    assert (first.slug, first.location) == ("loss-config", at(9))
    assert "fit(class_weight={0: 1.0}) and fit(class_weight={0: 2.0})" in texts(first)
    assert plans(first) == ["fit"]


def test_equal_weights_of_classes_are_not_blamed(tmp_path: Path) -> None:
    same = {"class_weight": {"0": 1.0}}
    assert slugs(two(tmp_path, FORWARD, options=(same, same))) == []


WEIGHTS = {"type": "ndarray", "shape": [8], "dtype": "float32", "digest": "aa"}


def test_weights_of_samples_on_one_side(tmp_path: Path) -> None:
    first = found(two(tmp_path / "with", FORWARD, options=({}, {"sample_weight": WEIGHTS})))[0]
    assert (first.slug, first.location) == ("loss-config", at(9))
    assert texts(first) == "fit without sample_weight\nfit(sample_weight=...)"
    assert plans(first) == ["fit"]
    other = {**WEIGHTS, "digest": "bb"}
    first = found(two(tmp_path / "two", FORWARD, options=({"sample_weight": WEIGHTS}, {"sample_weight": other})))[0]
    assert (first.slug, plans(first)) == ("loss-config", ["keep data"])


def test_batches_that_carry_weights_on_one_side(tmp_path: Path) -> None:
    first = found(two(tmp_path, [Change("weights"), Change("loss")]))[0]
    assert (first.slug, first.location) == ("loss-config", at(9))
    assert "The batches of the candidate carry weights" in first.summary
    assert first.no_counterfactual


# -- logs ---------------------------------------------------------------------------------------------------------


def test_a_log_that_differs_alone(tmp_path: Path) -> None:
    case = two(tmp_path, LOG)
    assert case.divergence.stage is Stage.REPORTING
    suspects = found(case)
    assert [(s.slug, s.location, s.weak) for s in suspects] == [("reporting", at(9), True)]
    assert "mae is not the same quantity" in suspects[0].summary
    assert "what was recorded of weights, batches and losses is equal in all steps" in texts(suspects[0])
    assert suspects[0].no_counterfactual


def test_other_metrics(tmp_path: Path) -> None:
    metrics = [["mae"], [{"class": "MeanAbsoluteError", "config": {"dtype": "float16"}}]]
    suspects = found(two(tmp_path, LOG, {"metrics": metrics[0]}, {"metrics": metrics[1]}))
    assert [s.slug for s in suspects] == ["reporting", "reporting"]
    assert "compile(metrics=['mae'])" in texts(suspects[0])
    assert "compile(metrics=[MeanAbsoluteError(dtype='float16')])" in texts(suspects[0])
    assert suspects[0].counterfactuals[0].transplants[0]["metrics"] == ["mae"]


@pytest.mark.parametrize(("own", "of_baseline"), [((True, False), True), ((False, True), False), ((True, True), None)])
def test_metrics_of_the_users_own_are_not_put_in(
    tmp_path: Path, own: tuple[bool, bool], of_baseline: bool | None
) -> None:
    metrics = [[f"gap (your own, {number}cafe)" if mine else "mae"] for number, mine in enumerate(own)]
    first = found(two(tmp_path, LOG, {"metrics": metrics[0]}, {"metrics": metrics[1]}))[0]
    assert first.slug == "reporting"
    assert [fix.of_baseline for fix in first.counterfactuals] == ([] if of_baseline is None else [of_baseline])
    assert bool(first.no_counterfactual) is (of_baseline is None)
    assert ("your own" in first.remedy) is False
    assert first.remedy == (
        "give both the same code as metrics" if own[0] else "compile(metrics=['mae'])  on both sides"
    )


def test_another_validation(tmp_path: Path) -> None:
    ends = {"val_loss": 0.5}, {"val_loss": 0.25}
    case = two(tmp_path, (), options=({"validation_steps": 2}, {"validation_steps": 3}), metrics=ends)
    first = found(case)[0]
    assert (first.slug, plans(first)) == ("reporting", ["fit"])
    assert "fit(validation_steps=3)" in texts(first)
    assert first.counterfactuals[0].transplants[0]["arguments"] == {"validation_steps": 2}


def test_other_validation_data(tmp_path: Path) -> None:
    ends = {"val_loss": 0.5}, {"val_loss": 0.25}
    options = {"validation_data": {"digest": "aa"}}, {"validation_data": {"digest": "bb"}}
    only = found(two(tmp_path, (), options=options, metrics=ends))[0]
    assert "validation_data is not the same" in texts(only)
    assert only.remedy == "hand both the same validation_data"


def test_what_only_the_reporting_differs_in_is_not_blamed_for_the_loss(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, FORWARD, {"metrics": ["mae"]}, {"metrics": ["mse"]})) == []


def test_the_loss_of_a_batch_against_the_mean_of_an_epoch(tmp_path: Path) -> None:
    changes = [Change("loss", 1)]
    a = make_run(tmp_path / "a", trainings=[Training(steps=(8,))])
    b = make_run(tmp_path / "b", trainings=[Training(steps=(8,), kind="train_on_batch")], changes=changes)
    case = case_between(a, b)
    assert (case.divergence.stage, case.divergence.step) == (Stage.REPORTING, 2)
    first = found(case)[0]
    assert (first.slug, first.weak) == ("reporting", False)
    assert "train_on_batch returns the loss of one batch" in first.summary
    assert texts(first) == "fit: the mean of 2 steps of epoch 1\ntrain_on_batch: the loss of this step alone"


def test_before_3_15_train_on_batch_returns_a_mean_too(tmp_path: Path) -> None:
    old = {"versions": {"keras": "3.14.1"}}
    loop = [Training(steps=(8,), kind="train_on_batch")]
    a = make_run(tmp_path / "a", trainings=[Training(steps=(8,))], manifest=old)
    b, c = (
        make_run(tmp_path / name, trainings=loop, manifest=old, changes=[Change("loss", 1, lasting=i > 0)])
        for i, name in enumerate("bc")
    )
    first = found(case_between(a, b))[0]
    assert "train_on_batch returns the mean since the metrics were reset" in first.summary
    assert "train_on_batch: the mean of all batches since the metrics were reset" in texts(first)
    first = found(case_between(b, c))[0]
    assert (first.slug, first.weak) == ("reporting", False)
    assert first.remedy == "put  model.reset_metrics()  before each train_on_batch, on both sides"


def test_two_fits_of_the_same_epochs_log_the_same_means(tmp_path: Path) -> None:
    case = two(tmp_path, [Change("loss", 1)])
    assert case.divergence.stage is Stage.FORWARD


def test_a_callback_on_one_side_may_act_on_what_is_logged(tmp_path: Path) -> None:
    options = ({}, {"callbacks": ["Doubling"], "callback_options": [{}]})
    first, *others = found(two(tmp_path, LOG, options=options))
    assert (first.slug, first.needs_proof, plans(first)) == ("reporting", True, ["fit both"])
    assert "fit(callbacks=[Doubling])" in texts(first)
    assert [other.slug for other in others] == ["reporting"]


def test_where_only_what_is_logged_differs_all_steps_are_equal(tmp_path: Path) -> None:
    assert "all 8 steps" in two(tmp_path, LOG).comparison.equal


@pytest.mark.parametrize(("loss", "blamed"), [([], False), ([Change("no loss")], True)], ids=["equal", "not recorded"])
def test_another_loss_is_not_blamed_for_an_update_where_the_losses_are_equal(
    tmp_path: Path, loss: list[Change], blamed: bool
) -> None:
    """`loss="mse"` and `loss=MeanSquaredError()` are one loss."""
    moved = [Change("set", 0, "adam/learning_rate", array=np.asarray(0.5)), Change("variable", 0, "dense/kernel")]
    losses = "mse", {"class": "MeanSquaredError", "config": {}}
    runs = [
        make_run(
            tmp_path / name,
            trainings=[Training(compiled={"optimizer": ADAM, "loss": losses[name == "b"]}, location=at(9))],
            manifest={"target": f"{name}.py"},
            changes=[*loss, *(moved if name == "b" else [])],
        )
        for name in "ab"
    ]
    case = case_between(*runs)
    assert case.divergence.stage is Stage.UPDATE
    assert ("loss-config" in [s.slug for s in found(case)]) is blamed
