"""A callback that trains a model of its own: named where one side does it alone, and where both do it not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.explain.cases import REORDERED, Story, at, case_between, found, plans, slugs, two
from tests.handmade import Change, Training, make_run

from samefit.explain.case import Case, Suspect
from samefit.types import Stage

PROBE = {"callbacks": ["Probe"], "callback_options": [{}], "batch_size": 32}
BEGUN = {"function": "Probe.on_epoch_end", "component": "callback of fit #1"}


def story(*draws: int, seed: int = 1, after: bool = False) -> Story:
    """Between two epochs, line 15 trains another model, with so many draws each time."""
    told = Story().seed(seed, generator="numpy").training(1)
    for epoch in range(2):
        told.epoch(epoch).draw(9, "numpy", component="shuffle of fit #1")
        for number, count in enumerate(draws if epoch == int(after) else (), start=2):
            told.note("training", 15, training=number, value=number, **BEGUN)
            told.draw(15, "numpy", component=f"shuffle of fit #{number}", training=number, count=count)
    return told


def between(tmp_path: Path, *stories: Story, step: int = 4) -> Case:
    changes = [Change(change.what, step) for change in REORDERED]
    return two(tmp_path, *stories, changes=changes, options=(PROBE, PROBE))


def named(case: Case) -> list[Suspect]:
    return [suspect for suspect in found(case) if suspect.slug == "callback"]


def test_what_one_side_draws_for_a_training_of_its_callback(tmp_path: Path) -> None:
    for name, (one, other), role in (("b", ((), (2,)), "candidate"), ("a", ((2,), ()), "baseline")):
        case = between(tmp_path / name, story(*one), story(*other))
        first = found(case)[0]
        assert (first.slug, first.location) == ("callback", at(15))
        assert first.summary == (
            f"Probe.on_epoch_end trains a model at line 15 of train.py while fit #1 of the {role} runs, not so on the "
            "other side: it draws from numpy.random, as the order of fit does."
        )
        assert "on both sides or on neither" in first.remedy
        assert "set_random_seed" not in first.remedy
        assert plans(first) == ["generators", "fit both"]
        back, without = first.counterfactuals
        assert [plan["epoch"] for plan in back.transplants] == [0, 1]
        assert [plan["without_callbacks"] for plan in without.both] == [["Probe"]]


def test_what_one_side_draws_more_for_it(tmp_path: Path) -> None:
    assert len(named(between(tmp_path, story(1), story(2)))) == 1
    assert len(named(between(tmp_path / "often", story(1), story(1, 1)))) == 1


def test_callbacks_that_do_the_same_are_not_named(tmp_path: Path) -> None:
    assert named(between(tmp_path, story(2, seed=1), story(2, seed=2))) == []


def test_what_comes_after_the_order_was_drawn_is_not_named(tmp_path: Path) -> None:
    assert named(between(tmp_path, story(), story(2, after=True))) == []


def test_a_generator_that_stood_elsewhere_before_is_not_moved_by_a_callback(tmp_path: Path) -> None:
    case = between(tmp_path, story(seed=1), story(2, seed=2), step=0)
    assert "different-seed" in slugs(case)
    assert named(case) == []


def in_the_steps(tmp_path: Path, *begun: Any) -> Case:
    """After an epoch of both, each side goes on with its first `fit`, or with another that is begun within."""
    runs = []
    for name, fields in zip("ab", begun, strict=True):
        told = Story().training(1)
        nested = told.note("training", 15, value=2, training=2, **fields).events[-1].id if fields is not None else 0
        steps = (4, 4) if fields is None else (4,)
        trainings = [Training(steps, options=PROBE, location=at(9), begin_event=0)]
        if fields is not None:
            trainings.append(Training((4,), options={}, location=at(15), begin_event=nested))
        change = [Change("begin", 4, "dense/kernel")] if fields is not None else []
        runs.append(make_run(tmp_path / name, trainings=trainings, events=told.events, changes=change))
    return case_between(*runs)


def test_the_steps_of_a_training_of_a_callback_stand_among_the_others(tmp_path: Path) -> None:
    for name, begun in (("b", (None, BEGUN)), ("a", (BEGUN, None))):
        case = in_the_steps(tmp_path / name, *begun)
        assert case.divergence.stage is Stage.INITIAL_WEIGHTS
        first = found(case)[0]
        assert (first.slug, first.location) == ("callback", at(15))
        assert first.summary.endswith("not so on the other side: its steps stand among those that are compared.")
        (fix,) = first.counterfactuals
        assert [plan["without_callbacks"] for plan in fix.both] == [["Probe"]]


def test_a_training_that_follows_is_none_of_a_callback(tmp_path: Path) -> None:
    assert named(in_the_steps(tmp_path, None, {"function": "", "component": ""})) == []


def test_nothing_is_said_where_the_ledger_is_empty(tmp_path: Path) -> None:
    case = two(tmp_path, None, None)
    assert not [suspect for suspect in found(case) if suspect.slug in ("callback", "unknown")]
