from __future__ import annotations

import math
from pathlib import Path

import pytest
from tests.comparison.places import compared, place
from tests.handmade import Change, Layer, Training, make_run

from samefit.comparison import compare
from samefit.types import Stage

ONE_FIT, TWO_FITS = (Training((4, 4)),), (Training((4,)), Training((4,)))


def test_quantities_say_when_and_how_much(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("loss", 2), Change("variable", 4, "dense/kernel"), Change("log", 6, "mae"))
    loss, updates, weights, metrics = (result.differences[n] for n in ("loss", "updates", "weights", "metrics"))
    assert (loss.first_step, loss.max_abs, loss.steps) == (3, 0.125, 8)
    assert loss.max_rel == pytest.approx(0.125 / (1 / 9 + 0.125))
    assert loss.final == (1 / 9, 1 / 9 + 0.125)
    assert (updates.first_step, updates.max_abs) == (5, None)
    assert weights.first_step == 5
    assert weights.max_abs is not None
    assert weights.max_abs > 0
    assert metrics.first_step == 7


def test_weights_that_differ_from_the_start(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("variable", -1, "dense/kernel"))
    assert result.differences["weights"].first_step == 0
    assert result.differences["updates"].first_step == 1
    state = compare(
        make_run(tmp_path / "c"),
        make_run(tmp_path / "d", changes=[Change("variable", 3, "batchnormalization/moving_mean")]),
    )
    assert state.differences["weights"].first_step == 4
    assert state.differences["updates"].first_step is None


def test_a_loss_that_is_not_a_number_on_one_side(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("loss", 2, value=math.nan))
    assert place(result) == (Stage.FORWARD, 3, "loss")
    assert result.differences["loss"].max_abs == math.inf


def test_without_arrays_only_digests_speak(tmp_path: Path) -> None:
    a, b = (
        make_run(tmp_path / "a", arrays=False),
        make_run(tmp_path / "b", arrays=False, changes=[Change("variable", 1, "dense/bias")]),
    )
    weights = compare(a, b).differences["weights"]
    assert (weights.first_step, weights.max_abs) == (2, None)


def test_a_weight_without_axes(tmp_path: Path) -> None:
    layer = Layer("Scale", {"scale": ()}, {"count": ()})
    a = make_run(tmp_path / "a", layers=[layer])
    b = make_run(tmp_path / "b", layers=[layer], changes=[Change("variable", -1, "scale/count")])
    result = compare(a, b)
    assert place(result) == (Stage.INITIAL_WEIGHTS, 1, "scale/count")
    assert result.differences["weights"].max_abs


def test_a_training_that_was_ended_early_has_no_final_metrics(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "a", trainings=[Training((8,))])
    part = make_run(tmp_path / "b", trainings=[Training((5,), status="stopped")], changes=[Change("loss", 2)])
    assert compare(whole, whole).differences["metrics"].metrics
    differences = compare(whole, part).differences
    assert not differences["metrics"].metrics
    assert differences["loss"].final == (1 / 6, 1 / 6 + 0.125)


def test_of_weights_that_part_later_the_equal_beginnings_say_no_gap(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", trainings=[Training((8,), status="stopped")])
    b = make_run(
        tmp_path / "b", trainings=[Training((6,), status="stopped")], changes=[Change("variable", 3, "dense/kernel")]
    )
    weights = compare(a, b).differences["weights"]
    assert (weights.first_step, weights.max_abs, weights.max_rel) == (4, None, None)


def test_means_over_an_epoch_are_not_held_against_losses_of_batches(tmp_path: Path) -> None:
    fit = make_run(tmp_path / "a", trainings=[Training((4, 4))])
    loop = make_run(tmp_path / "b", trainings=[Training((8,), kind="train_on_batch")], changes=[Change("loss", 1)])
    loss = compare(fit, loop).differences["loss"]
    # Only the first step logs the same quantity on both sides.
    assert (loss.first_step, loss.max_abs) == (None, 0.0)
