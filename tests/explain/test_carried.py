"""State that survived from one training to the next, or was lost between them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from tests.explain.cases import at, case_between, found, lines, plans, slugs, texts
from tests.explain.first_weights import layer, put
from tests.handmade import Change, Training, make_run

from samefit.store.digest import state_digest


def test_weights_with_which_an_earlier_training_ended(tmp_path: Path) -> None:
    trainings = [Training(side=side, model=1, location=at(line)) for side, line in (("a", 9), ("b", 10))]
    run = make_run(tmp_path / "run", layers=[layer()], trainings=trainings)
    first = found(case_between(run, run, sides=("a", "b")))[0]
    assert first.slug == "state-carried-over"
    assert "The candidate starts from the weights at the end of training #1" in first.summary
    assert "bit-equal to the end of #1: dense/kernel" in texts(first)
    assert (lines(first), first.location) == ([9, 7], at(7))
    assert "construct new layers" in first.remedy
    assert plans(first) == ["alone", "weights"]


def test_weights_that_were_loaded_from_what_an_earlier_training_saved(tmp_path: Path) -> None:
    trainings = [Training(side=side, model=1, location=at(line)) for side, line in (("a", 9), ("b", 10))]
    loaded = layer(assigned="load_weights", assigned_location=at(6))
    run = make_run(tmp_path / "run", layers=[loaded], trainings=trainings)
    first = found(case_between(run, run, sides=("a", "b")))[0]
    assert (first.slug, first.location) == ("state-carried-over", at(6))
    assert "load_weights at line 6 of train.py put them there" in texts(first)
    assert first.remedy.startswith("do not load what another training has saved")


def test_new_layers_after_an_earlier_training_are_not_blamed(tmp_path: Path) -> None:
    trainings = [Training(side=side, model=model) for side, model in (("a", 1), ("b", 3))]
    run = make_run(tmp_path / "run", layers=[layer()], trainings=trainings)
    suspects = found(case_between(run, run, sides=("a", "b")))
    assert "state-carried-over" not in [s.slug for s in suspects if not s.needs_proof]


def test_a_value_that_is_zero_before_each_training_was_not_carried_over(tmp_path: Path) -> None:
    zero = np.zeros((4, 4), np.float32)
    made = layer(initializer="Zeros", digest=state_digest(zero))
    trainings = [Training(model=1), Training(model=3)]
    a = make_run(tmp_path / "a", layers=[made], trainings=trainings[1:])
    # The gradient was zero in the first training, too: it ended with zeros.
    b = make_run(tmp_path / "b", layers=[made], trainings=trainings, changes=put(zero))
    assert "state-carried-over" not in slugs(case_between(a, b, trainings=(None, [2])))


def test_a_second_training_that_starts_anew(tmp_path: Path) -> None:
    runs = [
        make_run(
            tmp_path / name,
            layers=[layer()],
            trainings=[Training(model=1, location=at(9)), Training(model=model, location=at(10))],
        )
        for name, model in (("a", 1), ("b", 3))
    ]
    case = case_between(*runs)
    first = found(case)[0]
    assert case.divergence.step == 9
    assert first.slug == "state-lost"
    assert "The baseline goes on from the end of training #1; the candidate starts anew" in first.summary
    assert "#2 begins bit-equal to the end of #1" in texts(first)
    assert "their layers were constructed at line 7 of train.py" in texts(first)
    assert plans(first) == ["weights"]
    carried = found(case_between(runs[1], runs[0]))[0]
    assert (carried.slug, "The candidate starts from" in carried.summary) == ("state-carried-over", True)


def test_some_layers_that_go_on_in_a_new_model(tmp_path: Path) -> None:
    """A trained encoder below a new head, against one that is made anew: the head's seeds shift as well."""
    head = Change("begin", 8, "dense_1/kernel")
    trainings = [Training(model=1, location=at(9)), Training(model=1, location=at(10))]
    a = make_run(tmp_path / "a", layers=[layer(), layer()], trainings=trainings, changes=[head])
    anew = [trainings[0], replace(trainings[1], model=3)]
    b = make_run(tmp_path / "b", layers=[layer(), layer()], trainings=anew)
    case = case_between(a, b)
    first = found(case)[0]
    assert first.slug == "state-lost"
    assert "#2 begins with other values: dense/kernel" in texts(first)
    assert "beside them differ, put in from the baseline as well: dense_1/kernel" in texts(first)
    assert first.remedy.startswith("go on with the layers that were trained")
    (plan,) = first.counterfactuals[0].transplants
    assert {"dense/kernel", "dense_1/kernel"} <= {*plan["pairs"]}
    back = found(case_between(b, a))[0]
    assert (back.slug, "beside them differ" in texts(back)) == ("state-carried-over", True)


def test_a_candidate_that_loads_before_its_second_training_does_not_start_anew(tmp_path: Path) -> None:
    trainings = [Training(model=1, location=at(9)), Training(model=1, location=at(12))]
    a = make_run(tmp_path / "a", layers=[layer()], trainings=trainings)
    loaded = layer(assigned="load_weights", assigned_location=at(11))
    b = make_run(tmp_path / "b", layers=[loaded], trainings=trainings, changes=[Change("begin", 8, "dense/kernel")])
    first = found(case_between(a, b))[0]
    assert first.slug == "state-carried-over"
    assert first.location == at(11)
    assert first.summary == "The baseline goes on from the end of training #1; the candidate puts other values there."


def test_a_layer_made_anew_to_which_its_own_values_were_given(tmp_path: Path) -> None:
    trainings = [Training(model=1, location=at(9), begin_event=5), Training(model=1, location=at(12), begin_event=8)]
    a = make_run(tmp_path / "a", layers=[layer(event=1)], trainings=trainings)
    given = layer(assigned="set_weights", assigned_location=at(11), event=6)
    b = make_run(tmp_path / "b", layers=[given], trainings=trainings, changes=[Change("begin", 8, "dense/kernel")])
    first = found(case_between(a, b))[0]
    assert (first.slug, first.location) == ("state-lost", at(11))
    assert first.summary == "The baseline goes on from the end of training #1; the candidate puts other values there."
    assert "bit-equal to the end of #1: dense/kernel" in texts(first)
