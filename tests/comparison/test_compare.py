from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from tests.comparison.places import compared, detail, place
from tests.handmade import LAYERS, Change, Layer, Training, dense, make_run, normalization

from samefit.comparison import compare, compare_trainings
from samefit.comparison.compare import parse_selection
from samefit.errors import RunError, SelectionError
from samefit.store.reader import Run
from samefit.types import Stage, Verdict, When

ROLES = ("baseline", "candidate")
ONE_FIT, TWO_FITS = (Training((4, 4)),), (Training((4,)), Training((4,)))


def test_two_equal_runs_are_identical(tmp_path: Path) -> None:
    result = compared(tmp_path)
    assert result.verdict is Verdict.IDENTICAL
    assert result.first_divergence is None
    assert result.notes == ()
    assert result.settings == ()
    assert result.steps_compared == 8
    assert result.equal == (
        "structure (8 weights, aligned by path)",
        "initial weights",
        "optimizer",
        "loss function",
        "batches",
    )
    assert result.differences["loss"].first_step is None
    assert result.differences["loss"].max_abs == 0.0
    assert result.differences["loss"].steps == 8
    assert result.differences["weights"].max_abs == 0.0
    assert result.differences["updates"].first_step is None
    assert result.baseline.versions == {"keras": "3.15.1", "jax": "0.10.2"}
    assert (result.baseline.target, result.baseline.backend, result.baseline.device) == ("train.py", "jax", "cpu")


def test_other_names_and_another_listing_are_no_difference(tmp_path: Path) -> None:
    renamed = [replace(layer, name=f"x{i}") for i, layer in enumerate(LAYERS)]
    result = compared(tmp_path, layers=renamed, listing=[8, 3, 1, 0, 2, 7, 5, 4, 6], class_name="Net")
    assert result.verdict is Verdict.IDENTICAL
    assert result.alignment.method == "execution-order"
    assert result.equal[0] == "structure (8 weights, aligned by execution order)"
    assert result.candidate.models == ("Net",)


def test_not_a_number_on_both_sides_is_no_difference(tmp_path: Path) -> None:
    nan = [Change("loss", 2, value=math.nan), Change("log", 2, "mae", value=math.inf)]
    a, b = (make_run(tmp_path / name, changes=nan) for name in "ab")
    result = compare(a, b)
    assert result.verdict is Verdict.IDENTICAL
    assert result.differences["loss"].max_abs == 0.0


def test_what_one_side_trains_in_two_fits_is_one_sequence(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", trainings=ONE_FIT), make_run(tmp_path / "b", trainings=TWO_FITS)
    result = compare(a, b)
    # The batches of the second fit are those of a first epoch: only they differ.
    assert place(result) == (Stage.DATA, 5, "inputs")
    assert result.first_divergence is not None
    assert (result.first_divergence.training, result.first_divergence.candidate_training) == (1, 2)
    assert compare(b, make_run(tmp_path / "c", trainings=TWO_FITS)).verdict is Verdict.IDENTICAL


def test_two_sides_of_one_process(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", trainings=[Training((3,), side="a", model=1), Training((3,), side="b", model=2)])
    assert compare_trainings(run, run, side_a="a", side_b="b").verdict is Verdict.IDENTICAL
    assert compare_trainings(run, run, [1], [2]).verdict is Verdict.IDENTICAL


def test_two_models_without_a_weight_in_common_are_not_comparable(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a", layers=(dense(4, 8),)), make_run(tmp_path / "b", layers=(dense(5, 9),))
    result = compare(a, b)
    assert result.verdict is Verdict.NOT_COMPARABLE
    assert result.first_divergence is None
    assert result.notes[0] == (
        "The models cannot be aligned: 0 of 2 weights have a partner "
        "(first in the baseline: dense/kernel (4, 8), first in the candidate: dense/kernel (5, 9))."
    )


@pytest.mark.parametrize(
    ("changes", "what"),
    [(("no batch", "no loss"), "no batch and no loss"), (("no state",), "no weights")],
)
def test_identical_is_never_said_about_nothing(tmp_path: Path, changes: tuple[str, ...], what: str) -> None:
    result = compared(tmp_path, *(Change(change, -2 if change == "no state" else 0) for change in changes))
    assert result.verdict is Verdict.NOT_COMPARABLE
    assert result.notes[0] == f"In 8 pairs of steps {what} could be compared; nothing else differs."
    assert what != "no weights" or not any("weights" in text for text in result.equal)


@pytest.mark.parametrize("change", ["no batch", "no loss"])
def test_weights_and_one_of_batch_and_loss_say_enough(tmp_path: Path, change: str) -> None:
    result = compared(tmp_path, Change(change, 0))
    assert result.verdict is Verdict.IDENTICAL


def test_variables_that_cannot_be_read_are_not_equal(tmp_path: Path) -> None:
    result = compared(tmp_path, Change("unreadable", -1, "dense/kernel"))
    assert result.verdict is Verdict.IDENTICAL
    assert result.notes == ("1 variables could not be read everywhere and were left out there (dense/kernel).",)
    layers = (Layer("Dense", {"kernel": (3, 3)}),)
    paths = ("dense/kernel", "adam/iteration", "adam/learning_rate")
    nothing = [
        make_run(tmp_path / n, layers=layers, slots=(), changes=[Change("unreadable", -1, p) for p in paths])
        for n in "xy"
    ]
    assert compare(*nothing).verdict is Verdict.NOT_COMPARABLE


def test_first_weights_that_nobody_knows_are_not_called_equal(tmp_path: Path) -> None:
    layers = (Layer("Dense", {"kernel": (3, 3), "bias": (3,)}),)

    def equal(name: str, *unknown: str) -> tuple[str, ...]:
        changes = [Change("unreadable", -1, path, lasting=False) for path in unknown]
        a, b = (make_run(tmp_path / f"{name}{n}", layers=layers, changes=changes) for n in (1, 2))
        result = compare(a, b)
        assert result.verdict is Verdict.IDENTICAL
        return result.equal

    assert "initial weights" not in equal("none", "dense/kernel", "dense/bias")
    assert "initial weights" in equal("some", "dense/kernel")


def test_a_side_that_trained_nothing(tmp_path: Path) -> None:
    result = compared(tmp_path, trainings=[])
    assert result.verdict is Verdict.NOT_COMPARABLE
    assert result.notes == ("The candidate recorded no training step.",)
    both = compare(make_run(tmp_path / "c", trainings=[]), make_run(tmp_path / "d", trainings=[Training(())]))
    assert both.notes == ("The baseline and the candidate recorded no training step.",)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([Change("loss")], "batches"),
        ([Change("loss"), Change("batch", 5)], "the first 5 batches"),
        ([Change("loss"), Change("batch", 1)], "the first batch"),
        ([Change("begin", path="adam/iteration"), Change("batch")], None),
    ],
)
def test_batches_are_equal_as_far_as_they_were_looked_at(
    tmp_path: Path, changes: list[Change], words: str | None
) -> None:
    assert [text for text in compared(tmp_path, *changes).equal if "batch" in text] == [words] * (words is not None)


def test_another_length(tmp_path: Path) -> None:
    result = compared(tmp_path, trainings=[Training((4, 2))])
    assert result.verdict is Verdict.INCOMPLETE
    assert result.notes == ("The first 6 steps are equal; the baseline has 8 and the candidate 6.",)
    assert result.steps_compared == 6
    killed = compare(make_run(tmp_path / "c"), make_run(tmp_path / "d", trainings=[Training((4, 2))], status="killed"))
    assert killed.notes[1] == "The candidate's run is killed."
    differing = compare(
        make_run(tmp_path / "e"), make_run(tmp_path / "f", trainings=[Training((4, 2))], changes=[Change("loss", 3)])
    )
    assert differing.verdict is Verdict.DIVERGED


@pytest.mark.parametrize("status", ["killed", "failed", "stopped"])
def test_a_run_that_was_not_recorded_to_its_end(tmp_path: Path, status: str) -> None:
    result = compared(tmp_path, status=status)
    assert result.verdict is Verdict.INCOMPLETE
    assert result.notes == (f"The candidate's run is {status}; all 8 recorded steps are equal.",)
    assert result.candidate.status == status


def test_a_recorder_that_gave_up_makes_it_incomplete(tmp_path: Path) -> None:
    result = compared(tmp_path, manifest={"recording_failed": "disk full"})
    assert result.verdict is Verdict.INCOMPLETE
    assert "disk full" in result.notes[0]


def test_a_loop_that_was_not_recorded_makes_it_incomplete(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a")
    b = make_run(tmp_path / "b", manifest={"unseen_updates": {"": 50}})
    result = compare(a, b)
    assert result.verdict is Verdict.INCOMPLETE
    assert "The candidate also makes 50 optimizer updates in a loop of its own" in result.notes[0]
    # A training that was asked for is whole without it.
    assert compare_trainings(a, b, (1,), (1,)).verdict is Verdict.IDENTICAL


def test_other_processes_that_train_make_it_incomplete(tmp_path: Path) -> None:
    a = make_run(tmp_path / "a")
    b = make_run(tmp_path / "b", manifest={"trained_elsewhere": 2})
    result = compare(a, b)
    assert result.verdict is Verdict.INCOMPLETE
    assert "The candidate also trains in 2 other processes of its own, not recorded" in result.notes[0]
    # A training that was asked for is whole without them.
    assert compare_trainings(a, b, (1,), (1,)).verdict is Verdict.IDENTICAL


def test_a_loop_of_the_other_side_does_not_count(tmp_path: Path) -> None:
    run = make_run(
        tmp_path / "run",
        trainings=(Training(side="a"), Training(side="b", model=2)),
        manifest={"unseen_updates": {"": 3}},
    )
    assert compare_trainings(run, run, side_a="a", side_b="b").verdict is Verdict.IDENTICAL


def test_a_training_that_was_asked_for_is_whole_whatever_came_after(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", trainings=[Training((3,)), Training((3,), model=2)], status="failed")
    assert compare_trainings(run, run, [1], [2]).verdict is Verdict.IDENTICAL
    cut = make_run(
        tmp_path / "s", trainings=[Training((3,)), Training((3,), model=2, status="running")], status="failed"
    )
    assert compare_trainings(cut, cut, [1], [2]).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("selected", [None, [1]])
def test_a_training_that_failed_is_not_whole_even_if_its_script_went_on(
    tmp_path: Path, selected: list[int] | None
) -> None:
    whole, cut = (make_run(tmp_path / s, trainings=[Training((3,), status=s)]) for s in ("complete", "failed"))
    for pair, roles in (((whole, cut), ["candidate"]), ((cut, whole), ["baseline"]), ((cut, cut), [*ROLES])):
        result = compare_trainings(*pair, selected, selected)
        assert result.verdict is Verdict.INCOMPLETE
        assert result.notes == tuple(
            f"Training #1 of the {role} failed, and its script went on; all 3 recorded steps are equal."
            for role in roles
        )
    assert compare_trainings(whole, whole, selected, selected).verdict is Verdict.IDENTICAL


def test_another_training_that_failed_is_no_matter(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", trainings=[Training((3,)), Training((3,), model=2, status="failed")])
    assert compare_trainings(run, run, [1], [1]).verdict is Verdict.IDENTICAL


def test_metrics_at_the_end_of_a_training_count(tmp_path: Path) -> None:
    result = compared(tmp_path, trainings=[Training(metrics={"loss": 0.5, "val_loss": 0.8})])
    assert place(result) == (Stage.REPORTING, 8, "val_loss")
    assert detail(result) == "0.75 and 0.8 at the end of the training"
    assert result.differences["metrics"].metrics["val_loss"] == (0.75, 0.8)
    assert result.differences["metrics"].max_abs == pytest.approx(0.05)
    # Of a training that was cut off they say nothing, however long it was.
    stopped = [Training(status="stopped", metrics={"val_loss": 0.8})]
    assert place(compare(make_run(tmp_path / "x"), make_run(tmp_path / "y", trainings=stopped))) == ()
    cut = [Training((4, 2), metrics={"val_loss": 0.8})]
    assert compare(make_run(tmp_path / "c"), make_run(tmp_path / "d", trainings=cut)).verdict is Verdict.INCOMPLETE


def test_paths_may_select_trainings(tmp_path: Path) -> None:
    trainings = [Training((3,)), Training((2,), model=2), Training((3,), model=2)]
    make_run(tmp_path / "a.run", trainings=trainings).close()
    path = str(tmp_path / "a.run")
    assert compare(path, path).baseline.trainings == (1, 2, 3)
    assert compare(f"{path}#2", f"{path}#2").steps_compared == 2
    assert compare(f"{path}#1,3", Path(path)).baseline.trainings == (1, 3)
    with pytest.raises(SelectionError, match=r"holds trainings #1, #2 and #3; #7 was asked for"):
        compare(f"{path}#7", path)
    with pytest.raises(SelectionError, match=r"does not select trainings: write RUN#1 or RUN#1,2"):
        compare(f"{path}#last", path)
    with pytest.raises(RunError, match="There is no run at"):
        compare(tmp_path / "nothing", path)


def test_a_directory_may_have_the_mark_in_its_name(tmp_path: Path) -> None:
    make_run(tmp_path / "a#b" / "r#1").close()
    path = str(tmp_path / "a#b" / "r#1")
    assert parse_selection(path) == (Path(path), None)
    assert parse_selection(f"{path}#1") == (Path(path), (1,))
    assert compare(path, f"{path}#1").verdict is Verdict.IDENTICAL


def test_comparing_leaves_runs_open_and_directories_as_they_are(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    before = sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*"))
    compare(a, b)
    compare(tmp_path / "a", tmp_path / "b")
    assert sorted((p, p.stat().st_mtime_ns) for p in tmp_path.rglob("*")) == before
    assert a.last_step() == 7


def test_layers_of_one_kind_keep_their_turn(tmp_path: Path) -> None:
    # Equal values at other places must not be paired: the first layer has the values of the second, and so it differs.
    a = make_run(tmp_path / "a", layers=(dense(4, 4, key="p"), dense(4, 4, key="q"), normalization(4)))
    b = make_run(tmp_path / "b", layers=(dense(4, 4, key="q"), dense(4, 4, key="p"), normalization(4)))
    assert place(compare(a, b)) == (Stage.INITIAL_WEIGHTS, 1, "dense/kernel")


def test_why_one_side_trains_for_longer(tmp_path: Path) -> None:
    def stopping(name: str, patience: int, epochs: int) -> Run:
        options = {"callbacks": ["EarlyStopping"], "callback_options": [{"patience": patience, "verbose": epochs}]}
        return make_run(tmp_path / name, trainings=[Training((4,) * epochs, options=options)])

    result = compare(stopping("a", 1, 2), stopping("b", 3, 3))
    assert result.verdict is Verdict.INCOMPLETE
    assert "The two fit calls are not given the same: EarlyStopping.patience: 1 and 3." in result.notes
    assert not [
        note for note in compare(stopping("c", 1, 2), stopping("d", 1, 3)).notes if "not given the same" in note
    ]


def test_what_is_only_logged_differs_after_steps_that_are_all_known(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / name, trainings=[Training((40,), metrics={"val_loss": loss})], every=16)
        for name, loss in (("a", 0.75), ("b", 0.8))
    ]
    result = compare(*runs)
    assert result.first_divergence is not None
    assert (result.first_divergence.stage, result.first_divergence.known_equal) == (Stage.REPORTING, None)
    assert "all 40 steps" in result.equal


def test_steps_between_recorded_weights_are_not_called_equal(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path / name, trainings=[Training((40,))], every=16, changes=changes)
        for name, changes in (("a", []), ("b", [Change("variable", 20, "dense/kernel"), Change("loss", 25)]))
    ]
    result = compare(*runs)
    assert result.first_divergence is not None
    assert (result.first_divergence.step, result.first_divergence.known_equal) == (26, 16)
    assert "the first 16 steps" in result.equal


def test_first_weights_of_a_later_training_that_differ_are_not_called_equal(tmp_path: Path) -> None:
    trainings = [Training((4,)), Training((4,), model=2)]
    a = make_run(tmp_path / "a", trainings=trainings)
    b = make_run(tmp_path / "b", trainings=trainings, changes=[Change("begin", 4, "dense/kernel")])
    result = compare(a, b)
    assert place(result)[:2] == (Stage.INITIAL_WEIGHTS, 5)
    assert "initial weights" not in result.equal


def test_of_an_epoch_whose_last_state_is_not_known_no_callback_is_said_to_act(tmp_path: Path) -> None:
    # Keras wrote the state before the second epoch; what the last steps of the first left was not recorded.
    trainings = [Training((6, 6))]
    written = Change("between", 6)
    a = make_run(tmp_path / "a", trainings=trainings, every=4, changes=[written])
    changes = [written, Change("variable", 5, "dense/kernel"), Change("loss", 6)]
    b = make_run(tmp_path / "b", trainings=trainings, every=4, changes=changes)
    first = compare(a, b).first_divergence
    assert first is not None
    assert (first.step, first.when, first.known_equal) == (6, When.IN_STEP, 4)
