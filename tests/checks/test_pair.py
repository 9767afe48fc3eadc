from __future__ import annotations

from pathlib import Path

from tests.handmade import Change, Training, make_run

from samefit.checks.confirm import case_of
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.store.reader import Run

NAMES = {3: "generator", 4: "classifier"}


def trained(path: Path, *models: int, changes: tuple[Change, ...] = (), side: str = "") -> Run:
    trainings = [Training((3,), model=model, side=side) for model in models]
    return make_run(path, trainings=trainings, names=NAMES, changes=changes)


def test_a_pair_knows_which_training_is_held_against_which(tmp_path: Path) -> None:
    a, b = trained(tmp_path / "a", 3, 4), trained(tmp_path / "b", 4, 3, changes=(Change("batch", 4, lasting=False),))
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    assert [training.number for training in pair.b.selected()] == [2, 1]
    case = case_of(pair, pair.compared())
    assert case is not None
    assert (case.a.step.index, case.b.step.index) == (1, 4)
    assert case.places == (0, 0)
    ends = pair.ending_after(2)
    # The candidate trains the other model before.
    assert [each.options["stop_after"] for each in (ends.execution_a, ends.execution_b)] == [2, 5]
    assert pair.turned().a is pair.b


def test_a_rerun_waits_for_the_model_that_comes_first(tmp_path: Path) -> None:
    pair = Pair(Part(trained(tmp_path / "a", 3, 4)), Part(trained(tmp_path / "b", 4, 3)), Execution(()), Execution(()))
    begun = Part(trained(tmp_path / "c", 4), order=pair.b.order)
    assert begun.selected() == ()
    assert [t.number for t in Part(trained(tmp_path / "d", 3), order=pair.a.order).selected()] == [1]


def test_a_side_that_runs_alone_keeps_its_order(tmp_path: Path) -> None:
    run = trained(tmp_path / "a", 3, 4)
    assert Part(run, "b", trainings=(3, 4), order=(4, 3)).alone() == Part(run, "b", order=(2, 1))
    assert Part(run, "b", trainings=(3, 4), order=()).alone() == Part(run, "b", order=())


def test_one_order_on_both_sides_is_left_alone(tmp_path: Path) -> None:
    runs = trained(tmp_path / "a", 3, 4), trained(tmp_path / "b", 3, 4)
    pair = Pair(Part(runs[0]), Part(runs[1]), Execution(()), Execution(()))
    assert (pair.a.order, pair.b.order) == ((), ())
