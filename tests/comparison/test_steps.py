from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.comparison.places import compared, detail, place
from tests.handmade import LAYERS, Change, Training, dense, dropout, make_run

from samefit.comparison import compare
from samefit.comparison.compare import compare_trainings
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

ONE_FIT, TWO_FITS = (Training((4, 4)),), (Training((4,)), Training((4,)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Change("variable", -1, "dense/bias"), (Stage.INITIAL_WEIGHTS, 1, "dense/bias")),
        (
            Change("variable", -1, "batchnormalization/moving_mean"),
            (Stage.INITIAL_WEIGHTS, 1, "batchnormalization/moving_mean"),
        ),
        (
            Change("variable", -1, "adam/dense_kernel_momentum"),
            (Stage.STATE, 1, "adam/dense_kernel_momentum"),
        ),
        (Change("batch", 5), (Stage.DATA, 6, "inputs")),
        (Change("loss", 5), (Stage.FORWARD, 6, "loss")),
        (Change("variable", 5, "dense_1/kernel"), (Stage.BACKWARD, 6, "dense_1/kernel")),
        (Change("variable", 5, "adam/dense_bias_velocity"), (Stage.BACKWARD, 6, "adam/dense_bias_velocity")),
        (Change("variable", 5, "adam/learning_rate"), (Stage.UPDATE, 6, "adam/learning_rate")),
        (Change("variable", 5, "adam/iteration"), (Stage.UPDATE, 6, "adam/iteration")),
        (
            Change("variable", 5, "batchnormalization/moving_variance"),
            (Stage.STATE, 6, "batchnormalization/moving_variance"),
        ),
        (Change("log", 5, "mae"), (Stage.REPORTING, 6, "mae")),
    ],
)
@pytest.mark.parametrize("lasting", [True, False])
def test_each_record_has_its_stage(tmp_path: Path, change: Change, expected: tuple[Any, ...], lasting: bool) -> None:
    result = compared(tmp_path, replace(change, lasting=lasting))
    assert result.verdict is Verdict.DIVERGED
    assert place(result) == expected


def test_a_learning_rate_that_differs_from_the_start_acts_in_the_update(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("variable", -1, "adam/learning_rate"), Change("variable", 0, "dense/kernel"))
    assert place(result) == (Stage.UPDATE, 1, "dense/kernel")
    earlier = compare(
        make_run(tmp_path / "c"),
        make_run(tmp_path / "d", changes=[Change("variable", -1, "adam/learning_rate"), Change("batch", 0)]),
    )
    assert place(earlier) == (Stage.DATA, 1, "inputs")


def test_another_optimizer_makes_it_the_update(tmp_path: Path) -> None:
    compiled = {"optimizer": {"class": "SGD", "config": {"learning_rate": 0.001}}, "loss": "mse"}
    result = compared(tmp_path, Change("variable", 0, "dense/kernel"), trainings=[Training(compiled=compiled)])
    assert place(result) == (Stage.UPDATE, 1, "dense/kernel")
    assert "optimizer" not in result.equal


def test_weights_come_before_slots_and_all_are_counted(tmp_path: Path) -> None:
    paths = ("adam/dense_kernel_momentum", "adam/dense_1_bias_momentum", "dense_1/bias", "batchnormalization/beta")
    result = compared(tmp_path, *(Change("applied", 2, path) for path in paths))
    assert place(result) == (Stage.BACKWARD, 3, "batchnormalization/beta")
    assert result.first_divergence is not None
    assert result.first_divergence.num_paths == 4


def test_the_earliest_of_several_is_the_first(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("loss", 3), Change("batch", 3), Change("variable", 2, "dense/bias"))
    assert place(result) == (Stage.BACKWARD, 3, "dense/bias")


def test_the_place_is_said_as_people_count(tmp_path: Path) -> None:
    first = compared(tmp_path, Change("batch", 5)).first_divergence
    assert first is not None
    assert (first.training, first.epoch, first.step, first.step_in_epoch) == (1, 2, 6, 2)


def test_a_later_training_starts_from_another_state(tmp_path: Path) -> None:
    # Between the two fits of the candidate somebody wrote into the model (the state after step 4 is still equal).
    trainings = [Training((4,)), Training((4,), model=2)]
    a = make_run(tmp_path / "a", trainings=trainings)
    for path, stage in (
        ("dense/kernel", Stage.INITIAL_WEIGHTS),
        ("batchnormalization/moving_mean", Stage.STATE),
        ("adam/dense_kernel_velocity", Stage.STATE),
    ):
        b = make_run(tmp_path / stage.value / path, trainings=trainings, changes=[Change("begin", 4, path)])
        assert place(compare(a, b)) == (stage, 5, path)


def test_batches_that_could_not_be_seen_are_noted_once(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("no batch", 2))
    assert result.verdict is Verdict.IDENTICAL
    assert result.notes == ("In 6 of 8 pairs of steps the batch could not be seen.",)


SEED = "dropout/seed_generator_state"


def test_a_seed_with_an_effect_is_the_first_divergence(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("variable", -1, SEED), Change("loss", 0))
    assert place(result) == (Stage.RANDOMNESS, 1, SEED)
    later = compare(
        make_run(tmp_path / "c"), make_run(tmp_path / "d", changes=[Change("variable", 2, SEED), Change("loss", 6)])
    )
    # After step 3 the counter differs: step 4 is the first that draws from it.
    assert place(later) == (Stage.RANDOMNESS, 4, SEED)


def test_a_seed_without_any_effect_is_a_note(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("variable", -1, SEED))
    assert result.verdict is Verdict.IDENTICAL
    assert result.notes == (f"{SEED} differs before step 1, without any effect on the training.",)


def test_a_seed_that_is_not_used_is_nothing(tmp_path: Path) -> None:
    layers = [*LAYERS[:2], dropout(consumed=False), LAYERS[3]]
    a = make_run(tmp_path / "a", layers=layers)
    b = make_run(tmp_path / "b", layers=layers, changes=[Change("variable", -1, SEED), Change("loss", 3)])
    assert place(compare(a, b)) == (Stage.FORWARD, 4, "loss")


def test_a_generator_of_the_process_counts_only_if_the_step_moves_it(tmp_path: Path) -> None:
    changes = [Change("generator", 2, "numpy"), Change("loss", 4)]
    still = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=changes))
    assert place(still) == (Stage.FORWARD, 5, "loss")
    moving = [Change("moving", path="numpy")]
    moved = compare(make_run(tmp_path / "c", changes=moving), make_run(tmp_path / "d", changes=[*moving, *changes]))
    assert place(moved) == (Stage.RANDOMNESS, 3, "numpy")


def test_a_weight_without_a_partner(tmp_path: Path) -> None:
    result = compared(tmp_path, layers=(LAYERS[0], *LAYERS[2:]))
    assert place(result) == (Stage.INITIAL_WEIGHTS, 1, "batchnormalization/gamma")
    assert detail(result) == "only in the baseline: batchnormalization/gamma (8,)"
    assert result.alignment.only_in_baseline[0] == "batchnormalization/gamma"
    assert not any("structure" in text for text in result.equal)


def test_a_weight_without_a_partner_is_seen_even_without_a_begin_state(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("no begin"), layers=(*LAYERS, dense(3, 2)))
    assert place(result)[:2] == (Stage.INITIAL_WEIGHTS, 1)
    assert detail(result).startswith("only in the candidate: dense_2/kernel")
    assert "initial weights" not in result.equal


def test_another_shape(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a", layers=(dense(4, 10), dense(10, 3)))
    b = make_run(tmp_path / "b", layers=(dense(4, 12), dense(12, 3)))
    result = compare(a, b)
    assert detail(result) == "only in the baseline: dense/kernel (4, 10)"
    assert result.first_divergence is not None
    assert result.first_divergence.num_paths == 6
    assert [(s.name, s.baseline, s.candidate) for s in result.settings] == [("dense.units", 10, 12)]


# -- what differs and does nothing --------------------------------------------------------------------------------

COUNTER = Change("variable", -1, "adam/iteration")


def compiled_with(name: str, **config: Any) -> Training:
    config = {"learning_rate": 0.1, **config}
    return Training(compiled={"optimizer": {"class": name, "config": config}, "loss": "mse"})


def test_a_counter_that_the_optimizer_does_not_use_is_a_note(tmp_path: Path) -> None:
    plain = [compiled_with("SGD", momentum=0.9)]
    result = compare(
        make_run(tmp_path / "a", trainings=plain), make_run(tmp_path / "b", trainings=plain, changes=[COUNTER])
    )
    assert (result.verdict, result.first_divergence) == (Verdict.IDENTICAL, None)
    assert "adam/iteration differs, without any effect: this optimizer does not use its counter." in result.notes


@pytest.mark.parametrize(
    "training",
    [
        compiled_with("Adam"),
        compiled_with("MyOptimizer"),
        compiled_with("SGD", use_ema=True),
        compiled_with("SGD", gradient_accumulation_steps=2),
        compiled_with("SGD", learning_rate={"class_name": "ExponentialDecay", "config": {}}),
    ],
)
def test_a_counter_that_the_optimizer_uses_counts(tmp_path: Path, training: Training) -> None:
    runs = (
        make_run(tmp_path / name, trainings=[training], changes=changes)
        for name, changes in (("a", ()), ("b", [COUNTER]))
    )
    assert place(compare(*runs)) == (Stage.STATE, 1, "adam/iteration")


WEIGHTED = Training(options={"class_weight": {"0": 2.0}})


@pytest.mark.parametrize(("workers", "found"), [(1, (Stage.RANDOMNESS, 2, "numpy")), (4, (Stage.DATA, 4, "inputs"))])
def test_a_generator_that_workers_draw_from_is_none_of_the_step(
    tmp_path: Path, workers: int, found: tuple[Stage, int, str]
) -> None:
    # They draw ahead, as far as they have come when the step begins: the batches tell whether anything comes of it.
    training = Training(options={"x": {"type": "Batches", "workers": workers}})
    moving = Change("moving", path="numpy")
    changes = [moving, Change("generator", 1, "numpy"), Change("batch", 3), Change("rows", 3)]
    one = make_run(tmp_path / "a", trainings=[training], changes=[moving])
    assert place(compare(one, make_run(tmp_path / "b", trainings=[training], changes=changes))) == found


def test_a_generator_that_the_step_draws_from_is_found_although_there_are_workers(tmp_path: Path) -> None:
    training = Training(options={"x": {"type": "Batches", "workers": 4}})
    moving = Change("moving", path="numpy")
    changes = [moving, Change("generator", 1, "numpy"), Change("loss", 3)]
    one = make_run(tmp_path / "a", trainings=[training], changes=[moving])
    found = compare(one, make_run(tmp_path / "b", trainings=[training], changes=changes))
    assert place(found) == (Stage.RANDOMNESS, 2, "numpy")


def test_weights_of_samples_act_in_the_loss(tmp_path: Path) -> None:
    changes = [Change("weights"), Change("loss")]
    result = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", trainings=[WEIGHTED], changes=changes))
    assert place(result) == (Stage.FORWARD, 1, "loss")
    assert "the same samples, weighted otherwise" in detail(result)
    assert "samples" in result.equal


def test_a_batch_that_was_not_seen_is_not_said_to_be_weighted_otherwise(tmp_path: Path) -> None:
    result = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=[Change("no batch"), Change("loss")]))
    assert place(result) == (Stage.FORWARD, 1, "loss")
    assert "weighted" not in detail(result)


def test_weights_of_samples_that_change_nothing_are_a_note(tmp_path: Path) -> None:
    result = compare(
        make_run(tmp_path / "a"), make_run(tmp_path / "b", trainings=[WEIGHTED], changes=[Change("weights")])
    )
    assert result.verdict is Verdict.IDENTICAL
    assert "The samples are weighted otherwise, without any effect on the training." in result.notes


def test_what_comes_last_in_a_batch_is_not_a_weight_where_fit_was_given_none(tmp_path: Path) -> None:
    one, other = [Change("weights", 0, "one")], [Change("weights", 0, "other")]
    result = compare(make_run(tmp_path / "a", changes=one), make_run(tmp_path / "b", changes=other))
    assert place(result) == (Stage.DATA, 1, "inputs")


def test_what_one_side_has_besides_inputs_and_targets_is_a_weight(tmp_path: Path) -> None:
    changes = [Change("weights"), Change("loss")]
    assert place(compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=changes))) == (
        Stage.FORWARD,
        1,
        "loss",
    )


def test_other_samples_are_data_even_if_they_are_weighted(tmp_path: Path) -> None:
    changes = [Change("batch"), Change("weights")]
    result = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", trainings=[WEIGHTED], changes=changes))
    assert place(result) == (Stage.DATA, 1, "inputs")


# -- what is only logged ------------------------------------------------------------------------------------------


def test_a_metric_that_differs_does_not_hide_what_comes_later(tmp_path: Path) -> None:
    changes = [Change("log", 0, "mae"), Change("batch", 5)]
    result = compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=changes))
    assert place(result) == (Stage.DATA, 6, "inputs")


def test_means_over_other_epochs_are_not_the_loss_of_a_step(tmp_path: Path) -> None:
    """Keras logs means over the epoch so far: with other epochs they differ while the steps are the same."""
    whole = make_run(tmp_path / "a", trainings=[Training(steps=(8,), cut=False)])
    parts = make_run(tmp_path / "b", trainings=[Training(steps=(4, 4), cut=False)], changes=[Change("loss", 4)])
    assert place(compare(whole, parts)) == (Stage.REPORTING, 5, "loss")


def test_one_side_that_trains_for_longer_comes_before_what_is_logged(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "a", trainings=[Training(steps=(4,))])
    longer = make_run(tmp_path / "b", trainings=[Training(steps=(4, 4))], changes=[Change("log", 1, "mae")])
    result = compare(whole, longer)
    assert (result.verdict, result.first_divergence) == (Verdict.INCOMPLETE, None)
    assert any(note.startswith("What was logged differs from step 2 on (mae: ") for note in result.notes)


def test_weights_that_are_changed_when_fit_ends(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("final", path="dense/kernel"), Change("log", 3, "mae"))
    assert place(result) == (Stage.STATE, 8, "dense/kernel")
    assert detail(result) == "after the last step of the training, when fit ended"
    assert result.first_divergence is not None
    assert result.first_divergence.known_equal is None
    assert "all 8 steps" in result.equal


@pytest.mark.parametrize("every", [1, 4, 5])
def test_weights_that_fit_ends_with_count_in_each_training(tmp_path: Path, every: int) -> None:
    trainings = [Training((3,)), Training((3,), model=2)]
    runs = [
        make_run(tmp_path / name, trainings=trainings, every=every, changes=changes)
        for name, changes in (("a", ()), ("b", [Change("final", path="dense/kernel")]))
    ]
    assert place(compare(*runs)) == (Stage.STATE, 3, "dense/kernel")
    assert place(compare(runs[1], runs[1])) == ()


def test_what_the_optimizer_is_left_with_is_no_part_of_what_was_trained(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("final", path="adam/learning_rate"))
    assert result.verdict is Verdict.IDENTICAL
    assert result.notes == (
        "adam/learning_rate differs once the last fit has ended: what is trained on from there will not be the same.",
    )
    assert not compared(tmp_path / "equal").notes


def test_a_difference_in_a_step_comes_before_that_of_the_end(tmp_path: Path) -> None:
    assert place(compared(tmp_path, Change("final", path="dense/kernel"), Change("loss", 6)))[1] == 7


def test_a_history_counts_epoch_by_epoch(tmp_path: Path) -> None:
    def history(name: str, *values: float) -> Run:
        run = Training(history={"loss": (0.5, 0.25), "val_loss": values})
        return make_run(tmp_path / name, trainings=[run])

    result = compare(history("a", 0.75, 0.5), history("b", 0.875, 0.5))
    assert place(result) == (Stage.REPORTING, 8, "val_loss")
    assert detail(result) == "0.75 and 0.875 in epoch 1 of the history"
    assert compare(history("c", 0.75, 0.5), history("d", 0.75, 0.5)).verdict is Verdict.IDENTICAL
    assert compare(history("e", 0.75, 0.5), history("f", 0.5)).verdict is Verdict.IDENTICAL


def test_another_optimizer_is_said_where_a_counter_parts(tmp_path: Path) -> None:
    counter = Change("variable", 0, "adam/iteration")
    told = []
    for number, names in enumerate((("Adam", "LossScaleOptimizer"), ("Adam", "Adam"))):
        home = tmp_path / str(number)
        runs = [
            make_run(home / side, trainings=[compiled_with(name)], changes=[counter] if side == "b" else [])
            for side, name in zip("ab", names, strict=True)
        ]
        divergence = compare_trainings(*runs).first_divergence
        assert divergence is not None
        assert (divergence.path, divergence.stage) == ("adam/iteration", Stage.UPDATE)
        told.append(divergence.detail)
    assert told == ["by another optimizer, Adam and LossScaleOptimizer", ""]
