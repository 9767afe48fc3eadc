"""When two unfinished runs have parted for good, and when they must train on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.handmade import Change, Training, make_run

from samefit.checks import watch as watching
from samefit.checks.pair import Part
from samefit.checks.watch import Watch, parted_for_good
from samefit.store.reader import Run

STEPS = (8, 8)


def sides(runs: Sequence[Run]) -> tuple[Part, Part]:
    return Part(runs[0]), Part(runs[-1])


def look(tmp_path: Path, *changes: Change) -> Sequence[int] | None:
    make_run(tmp_path / "a", trainings=[Training(STEPS)], status="running").close()
    make_run(tmp_path / "b", trainings=[Training(STEPS)], status="running", changes=changes).close()
    return Watch(sides, parted_for_good).stop_after([tmp_path / "a", tmp_path / "b"])


def test_other_batches_are_enough_and_some_steps_more_are_recorded(tmp_path: Path) -> None:
    assert look(tmp_path, Change("batch", step=3)) == [24, 24]


def test_other_initial_weights_are_enough(tmp_path: Path) -> None:
    assert look(tmp_path, Change("variable", step=-1, path="dense/kernel")) == [21, 21]


def test_equal_runs_train_on(tmp_path: Path) -> None:
    assert look(tmp_path) is None


def test_a_gap_that_rounding_may_explain_trains_on(tmp_path: Path) -> None:
    make_run(tmp_path / "a", trainings=[Training(STEPS)], status="running").close()
    run = Run.open(tmp_path / "a")
    loss = run.step(5).logs["loss"]
    run.close()
    near, far = loss * (1 + 1e-6), loss * 1.5
    for name, value in (("near", near), ("far", far)):
        change = Change("loss", step=5, value=value, lasting=False)
        make_run(tmp_path / name, trainings=[Training(STEPS)], status="running", changes=[change]).close()
    assert Watch(sides, parted_for_good).stop_after([tmp_path / "a", tmp_path / "near"]) is None
    assert Watch(sides, parted_for_good).stop_after([tmp_path / "a", tmp_path / "far"]) == [26, 26]


def test_a_run_that_has_not_begun_is_waited_for(tmp_path: Path) -> None:
    make_run(tmp_path / "a", status="running").close()
    (tmp_path / "b").mkdir()
    assert Watch(sides, parted_for_good).stop_after([tmp_path / "a", tmp_path / "b"]) is None
    (tmp_path / "b" / "manifest.json").write_text("{}")
    assert Watch(sides, parted_for_good).stop_after([tmp_path / "a", tmp_path / "b"]) is None


def test_two_trainings_of_one_run(tmp_path: Path) -> None:
    two = [Training((4,)), Training((4,), model=2)]
    make_run(tmp_path / "a", trainings=two, status="running", changes=[Change("batch", step=5, lasting=False)]).close()

    def first_and_second(runs: Sequence[Run]) -> tuple[Part, Part]:
        return Part(runs[0], trainings=(1,)), Part(runs[-1], trainings=(2,))

    # The second step of training 2 is the sixth that the run records.
    found = Watch(first_and_second, lambda comparison: True).stop_after([tmp_path / "a"])
    assert found is not None
    assert found[0] > 4
    make_run(tmp_path / "one", trainings=two[:1], status="running").close()
    assert Watch(first_and_second, lambda comparison: True).stop_after([tmp_path / "one"]) is None


def test_where_the_steps_are_slow_fewer_have_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    make_run(tmp_path / "a").close()
    make_run(tmp_path / "b", changes=[Change("batch", step=3)]).close()
    watch, directories = Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"]
    assert not watch.settled
    assert watch.stop_after(directories) == [24, 24]
    assert watch.settled
    assert watch.stop_after(directories) is None
    now[0] += 3
    assert watch.stop_after(directories) == [0, 0]
