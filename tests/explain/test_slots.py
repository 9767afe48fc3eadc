"""Causes in the optimizer's state: started anew, carried over, in other places; and a learning rate that moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.explain.cases import FILE, Story, at, case_between, found, plans, slugs, texts
from tests.handmade import Change, Training, dense, make_run

from samefit.explain.case import Case, Suspect
from samefit.explain.values import GO_ON, NEW_MODEL
from samefit.types import Location, Stage

SHAPES = {"dense_kernel": (4, 4), "dense_bias": (4,), "dense_1_kernel": (4, 4), "dense_1_bias": (4,)}
RATE = "adam/learning_rate"


def set_slots(step: int, values: Mapping[str, Any]) -> list[Change]:
    """Sets slots in the state with which the training begins whose first step is `step`."""
    return [
        Change("begin", step, f"adam/{path}", array=np.asarray(value, np.float32)) for path, value in values.items()
    ]


def slots_of(name: str, value: float) -> dict[str, Any]:
    return {f"{weight}_{name}": np.full(shape, value) for weight, shape in SHAPES.items()}


ANEW = {"iteration": 0.0, **slots_of("momentum", 0.0), **slots_of("velocity", 0.0)}


def two(tmp_path: Path, a: Sequence[Change], b: Sequence[Change], *options: Mapping[str, Any], **run: Any) -> Case:
    """Two runs of two trainings of four steps each."""
    runs = []
    for i, (name, changes) in enumerate((("a", a), ("b", b))):
        more = options[i] if options else {}
        trainings = [Training(steps=(4,), location=at(line), options={**more}) for line in (9, 10)]
        layers = (dense(4, 4), dense(4, 4))
        runs.append(make_run(tmp_path / name, layers=layers, trainings=trainings, changes=changes, **run))
    return case_between(*runs)


def test_an_optimizer_that_starts_anew(tmp_path: Path) -> None:
    case = two(tmp_path, (), set_slots(4, ANEW))
    assert (case.divergence.step, case.divergence.stage) == (5, Stage.STATE)
    first = found(case)[0]
    assert (first.slug, first.location) == ("state-lost", at(10))
    assert "The optimizer of the candidate started anew" in first.summary
    assert "iteration, momentum, velocity" in texts(first)
    assert "save and load the optimizer with the model" in first.remedy
    pairs = first.counterfactuals[0].transplants[0]["pairs"]
    assert (pairs["adam/iteration"], len(pairs)) == ("adam/iteration", 9)


def test_an_optimizer_that_goes_on_where_the_other_is_new(tmp_path: Path) -> None:
    first = found(two(tmp_path, set_slots(4, ANEW), ()))[0]
    assert first.slug == "state-carried-over"
    assert "The optimizer of the baseline started anew" in first.summary


def test_an_optimizer_that_is_new_with_its_model(tmp_path: Path) -> None:
    """As the model is made anew on one side, so is its optimizer: there is one thing to do."""
    runs = []
    for name, models in (("a", (1, 1)), ("b", (1, 3))):
        trainings = [Training(steps=(4,), location=at(9), model=number) for number in models]
        # The weights are those of the end of the training before: a re-run has put them in already.
        changes = [Change("copy", 4), *set_slots(4, ANEW)] if name == "b" else ()
        layers = (dense(4, 4), dense(4, 4))
        runs.append(make_run(tmp_path / name, layers=layers, trainings=trainings, changes=changes))
    forth, back = (found(case_between(*sides))[0] for sides in (runs, runs[::-1]))
    assert (forth.slug, forth.remedy) == ("state-lost", GO_ON)
    assert (back.slug, back.remedy) == ("state-carried-over", NEW_MODEL)


@pytest.mark.parametrize("anew", [{"iteration": 0.0}, {"iteration": 0.0, **slots_of("momentum", 0.1)}])
def test_the_counter_tells_whether_an_optimizer_is_new(tmp_path: Path, anew: Mapping[str, Any]) -> None:
    """Adagrad's accumulators begin at 0.1; and the counter alone may be lost."""
    assert slugs(two(tmp_path, (), set_slots(4, anew)))[0] == "state-lost"


def test_moments_that_are_lost_without_the_counter(tmp_path: Path) -> None:
    assert slugs(two(tmp_path, (), set_slots(4, slots_of("momentum", 0.0))))[0] == "state-lost"


@pytest.mark.parametrize("values", [{"iteration": 3.0}, slots_of("momentum", 0.5)])
def test_other_values_are_not_a_new_optimizer(tmp_path: Path, values: Mapping[str, Any]) -> None:
    assert not {"state-lost", "state-carried-over", "weight-mapping"} & {
        *slugs(two(tmp_path, (), set_slots(4, values)))
    }


def test_without_the_first_values_it_cannot_be_confirmed(tmp_path: Path) -> None:
    first = found(two(tmp_path, (), set_slots(4, ANEW), arrays=False))[0]
    assert (first.slug, first.counterfactuals) == ("state-lost", ())
    assert first.no_counterfactual


def test_slots_that_follow_another_order(tmp_path: Path) -> None:
    values = {"dense_kernel_momentum": np.full((4, 4), 1.0), "dense_1_kernel_momentum": np.full((4, 4), 2.0)}
    names = list(values)
    swapped = {names[0]: values[names[1]], names[1]: values[names[0]]}
    case = two(tmp_path, set_slots(4, values), set_slots(4, swapped))
    first = found(case)[0]
    assert (first.slug, first.location) == ("weight-mapping", at(10))
    assert "what the baseline has in adam/dense_kernel_momentum stands in adam/dense_1_kernel_momentum" in texts(first)
    assert plans(first) == ["permute"]
    assert first.counterfactuals[0].transplants[0]["training"] == 2


def compiled(line: int, number: int) -> dict[str, Any]:
    location = {"file": "/code/train.py", "line": line, "code": "model.compile('adam', 'mse')"}
    return {"optimizer": {"class": "Adam", "config": {}}, "loss": "mse", "number": number, "location": location}


@pytest.mark.parametrize("anew", ["baseline", "candidate"])
@pytest.mark.parametrize("again", [True, False], ids=["compiled again", "compiled once"])
def test_a_model_that_is_compiled_again_between_two_fits(tmp_path: Path, anew: str, again: bool) -> None:
    runs = []
    for role in ("baseline", "candidate"):
        second = compiled(20, 1) if role == anew and again else compiled(7, 0)
        trainings = [
            Training(steps=(4,), location=at(9 if i == 0 else 12 if role == anew else 14), compiled=each)
            for i, each in enumerate((compiled(7, 0), second))
        ]
        changes = set_slots(4, ANEW) if role == anew else ()
        layers = (dense(4, 4), dense(4, 4))
        runs.append(make_run(tmp_path / role, layers=layers, trainings=trainings, changes=changes))
    first = found(case_between(*runs))[0]
    assert f"The optimizer of the {anew} started anew" in first.summary
    assert first.location is not None
    assert first.location.line == (20 if again else 12)
    assert ("compiled again at line 20 of train.py" in texts(first)) is again
    assert ("leave out the second compile" in first.remedy) is again
    assert ("save and load" in first.remedy) is not again


# -- the learning rate --------------------------------------------------------------------------------------------


def moved(step: int) -> list[Change]:
    """The learning rate is another one from a step on, and so are the weights."""
    return [Change("set", step, RATE, array=np.asarray(0.5)), Change("variable", step, "dense/kernel")]


def test_a_callback_that_moves_the_learning_rate(tmp_path: Path) -> None:
    case = two(tmp_path, (), moved(2), {"callbacks": []}, {"callbacks": ["LearningRateScheduler", "CSVLogger"]})
    assert (case.divergence.step, case.divergence.stage) == (3, Stage.UPDATE)
    first = found(case)[0]
    assert (first.slug, first.location) == ("optimizer-config", at(9))
    assert "The learning rate is not the same from step 3 on" in first.summary
    assert "fit(callbacks=[LearningRateScheduler, CSVLogger])" in texts(first)
    assert first.counterfactuals[0].transplants[0] == {
        "do": "fit",
        "training": 1,
        "arguments": {},
        "without_callbacks": ["LearningRateScheduler", "CSVLogger"],
    }


@pytest.mark.parametrize("theirs", [[], ["ReduceLROnPlateau"]], ids=["on one side", "on both sides"])
def test_a_callback_of_the_baseline_is_left_out_on_both_sides(theirs: list[str], tmp_path: Path) -> None:
    first = found(two(tmp_path, moved(2), (), {"callbacks": ["ReduceLROnPlateau"]}, {"callbacks": theirs}))[0]
    assert first.slug == "optimizer-config"
    plan = {"do": "fit", "training": 1, "arguments": {}, "without_callbacks": ["ReduceLROnPlateau"]}
    assert first.counterfactuals[0].both == (plan,)


def test_other_callbacks_on_each_side_are_left_out_together(tmp_path: Path) -> None:
    """Without the candidate's alone, the baseline's would still move the rate."""
    sides = {"callbacks": ["LearningRateScheduler", "CSVLogger"]}, {"callbacks": ["ReduceLROnPlateau", "CSVLogger"]}
    first = found(two(tmp_path, moved(2), (), *sides))[0]
    assert first.counterfactuals[0].text == "no LearningRateScheduler, CSVLogger, ReduceLROnPlateau on either side"
    (plan,) = first.counterfactuals[0].both
    assert plan["without_callbacks"] == ["LearningRateScheduler", "CSVLogger", "ReduceLROnPlateau"]


def test_the_line_at_which_the_code_of_two_schedules_parts(tmp_path: Path) -> None:
    sides = [
        scheduled("aa", "    return 0.1 if epoch < 1 else lr"),
        scheduled("bb", "    return 0.1 if epoch < 2 else lr"),
    ]
    first = found(two(tmp_path, moved(2), (), *sides))[0]
    assert first.location == Location(FILE, 4, "return 0.1 if epoch < 2 else lr")
    assert "LearningRateScheduler.schedule: return 0.1 if epoch < 1 else lr" in texts(first)
    assert first.remedy == "write one LearningRateScheduler.schedule for both sides"


def test_code_of_a_callback_that_has_nothing_to_do_with_the_rate_is_not_told(tmp_path: Path) -> None:
    sides = []
    for code, line in (("aa", "    print('already')"), ("bb", "    print('EPOCH')")):
        shown = {"code": code, "name": {"file": FILE, "line": 8, "source": f"def on_epoch_end(self, epoch):\n{line}\n"}}
        sides.append({"callbacks": ["Show"], "callback_code": [{"Show.on_epoch_end": shown}]})
    first = found(two(tmp_path, moved(2), (), *sides))[0]
    assert (first.slug, "Show.on_epoch_end" in texts(first)) == ("optimizer-config", False)
    assert first.location == at(9)


def scheduled(code: str, line: str) -> dict[str, Any]:
    function = {"code": code, "name": {"file": FILE, "line": 3, "source": f"def step(epoch, lr):\n{line}\n"}}
    return {"callbacks": ["LearningRateScheduler"], "callback_code": [{"LearningRateScheduler.schedule": function}]}


def test_a_rate_that_no_callback_moves_is_not_re_run(tmp_path: Path) -> None:
    first = found(two(tmp_path, moved(2), (), {"callbacks": []}, {"callbacks": []}))[0]
    assert (first.slug, first.counterfactuals) == ("optimizer-config", ())
    assert "neither fit has a callback" in first.no_counterfactual


def test_a_learning_rate_that_was_set_after_compile(tmp_path: Path) -> None:
    runs = []
    for name, rate in (("a", 0.01), ("b", 0.001)):
        compiled = {"optimizer": {"class": "Adam", "config": {"learning_rate": rate}}, "loss": "mse"}
        trainings = [Training(location=at(9), compiled=compiled)]
        changes = moved(0) if name == "b" else ()
        runs.append(make_run(tmp_path / name, layers=(dense(4, 4),), trainings=trainings, changes=changes))
    last = next(s for s in found(case_between(*runs)) if "learning rate" in s.summary)
    assert texts(last) == "learning_rate=0.01 and 0.001 when the two trainings began"
    assert last.remedy == "optimizer.learning_rate = 0.01  on both sides"


def rated(tmp_path: Path, *rates: tuple[float, float], line: int | None = None) -> Suspect:
    """The rates that each side notes at the begin and from its third step on; the candidate's was set in a line."""
    runs = []
    for name, (begin, later) in zip("ab", rates, strict=True):
        story = Story()
        if name == "b" and line is not None:
            story.note("assign", line, function="assign", component=RATE)
        story.training(1)
        for index, rate in ((0, begin), (2, later), (7, 9.0)):
            story.note("rate", function="learning_rate", index=index, value=rate)
        training = Training(
            location=at(9), options={"callbacks": ["LearningRateScheduler"]}, begin_event=story.begin[1]
        )
        changes = moved(2) if name == "b" else ()
        runs.append(
            make_run(tmp_path / name, layers=(dense(4, 4),), trainings=[training], changes=changes, events=story.events)
        )
    return next(s for s in found(case_between(*runs)) if "learning rate" in s.summary)


def test_the_rates_of_the_step_are_said(tmp_path: Path) -> None:
    first = rated(tmp_path, (0.01, 0.005), (0.01, float(np.float32(0.0025))))
    assert first.evidence[0].text == "learning_rate=0.005 and 0.0025 in step 3"


def test_the_line_that_set_the_rate_is_named(tmp_path: Path) -> None:
    first = rated(tmp_path, (0.01, 0.01), (0.1, 0.1), line=7)
    assert [(line.text, line.side, line.location) for line in first.evidence[:2]] == [
        ("learning_rate=0.01 and 0.1 in step 3", "", None),
        (f"{RATE} is set at line 7 of train.py", "candidate", at(7)),
    ]


def test_rates_that_are_equal_as_far_as_they_were_seen_are_not_said(tmp_path: Path) -> None:
    assert "learning_rate=" not in texts(rated(tmp_path, (0.01, 0.005), (0.01, 0.005)))


def test_the_option_of_a_callback_that_moves_the_learning_rate(tmp_path: Path) -> None:
    plateau = [{"callbacks": ["ReduceLROnPlateau"], "callback_options": [{"factor": factor}]} for factor in (0.5, 0.1)]
    assert "ReduceLROnPlateau.factor: 0.5 and 0.1" in texts(found(two(tmp_path, moved(2), (), *plateau))[0])


@pytest.mark.parametrize(
    ("option", "blamed"),
    [({"monitor": "val_loss"}, True), ({}, True), ({"monitor": "loss"}, False)],
    ids=["validation", "of one's own", "training"],
)
def test_a_callback_that_follows_another_validation(tmp_path: Path, option: Mapping[str, Any], blamed: bool) -> None:
    options = [
        {
            "callbacks": ["ReduceLROnPlateau"],
            "callback_options": [{"patience": 2, **option}],
            "validation_data": {"type": "tuple", "digest": digest},
        }
        for digest in ("va", "vb")
    ]
    first = found(two(tmp_path, (), moved(2), *options))[0]
    assert first.slug == "optimizer-config"
    assert ("follows the validation, which is not the same" in first.summary) is blamed
    assert ("fit(validation_data=…)" in texts(first)) is blamed
    assert ("the same validation_data" in first.remedy) is blamed
    assert ("the same callbacks" in first.remedy) is not blamed
    assert first.counterfactuals[0].stage_only is blamed


def test_a_callback_that_follows_the_same_validation(tmp_path: Path) -> None:
    options = {"callbacks": ["ReduceLROnPlateau"], "validation_data": {"type": "tuple", "digest": "va"}}
    first = found(two(tmp_path, (), moved(2), options, options))[0]
    assert "validation" not in first.summary
    assert not first.counterfactuals[0].stage_only


def test_callbacks_that_leave_the_learning_rate_alone_are_not_blamed(tmp_path: Path) -> None:
    changes = [Change("variable", 2, "dense/kernel"), Change("set", 2, "adam/iteration", array=np.asarray(9))]
    case = two(tmp_path, (), changes, {"callbacks": []}, {"callbacks": ["CSVLogger"]})
    assert case.divergence.stage is Stage.UPDATE
    assert slugs(case) == []


def fits(*steps: int, options: Mapping[str, Any]) -> list[Training]:
    return [
        Training(steps=[number], location=at(9 + i), options=options, data_from=i) for i, number in enumerate(steps)
    ]


def restarted(tmp_path: Path, first: Sequence[Training], second: Sequence[Training]) -> Case:
    runs = []
    for name, trainings, changes in (("a", first, ()), ("b", second, moved(4))):
        runs.append(make_run(tmp_path / name, layers=(dense(4, 4),), trainings=trainings, changes=changes))
    return case_between(*runs)


CALLS = {"callbacks": ["LearningRateScheduler"], "epochs": 1}


def test_callbacks_that_a_new_fit_starts_anew(tmp_path: Path) -> None:
    whole = [Training(steps=(4, 4), location=at(9), options={**CALLS, "epochs": 2})]
    first = found(restarted(tmp_path, whole, fits(4, 4, options=CALLS)))[0]
    assert (first.slug, first.location) == ("state-lost", at(10))
    assert "epoch 2 of fit #1" in texts(first)
    assert "epoch 1 of fit #2" in texts(first)
    assert "initial_epoch=1, epochs=2" in first.remedy
    arguments = {"initial_epoch": 1, "epochs": 2}
    assert first.counterfactuals[0].transplants == ({"do": "fit", "training": 2, "arguments": arguments},)


def test_callbacks_that_see_the_right_epoch_and_start_anew_all_the_same(tmp_path: Path) -> None:
    plateau = {"callbacks": ["ReduceLROnPlateau"]}
    whole = [Training(steps=(4, 4), location=at(9), options=plateau)]
    parts = [Training(steps=(4,), options=plateau), Training(steps=(0, 4), location=at(10), options=plateau)]
    first = found(restarted(tmp_path, whole, parts))[0]
    assert (first.slug, first.counterfactuals) == ("state-lost", ())
    assert "begins anew in each" in first.remedy


def test_callbacks_that_go_on_where_the_baselines_start_anew(tmp_path: Path) -> None:
    whole = [Training(steps=(4, 4), location=at(9), options=CALLS)]
    first = found(restarted(tmp_path, fits(4, 4, options=CALLS), whole))[0]
    assert (first.slug, first.counterfactuals) == ("state-carried-over", ())
