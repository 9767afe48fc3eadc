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


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which only tests move."""
    value = [100.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: value[0])
    return value


def sides(runs: Sequence[Run]) -> tuple[Part, Part]:
    return Part(runs[0]), Part(runs[-1])


def after_a_while(watch: Watch, directories: Sequence[Path], now: list[float]) -> Sequence[int] | None:
    """Lets a watch look, and look again when a training that is nearly over would have ended."""
    assert watch.stop_after(directories) is None
    assert not watch.settled
    now[0] += 2.5
    return watch.stop_after(directories)


def look(tmp_path: Path, now: list[float], *changes: Change) -> Sequence[int] | None:
    make_run(tmp_path / "a", trainings=[Training(STEPS)], status="running").close()
    make_run(tmp_path / "b", trainings=[Training(STEPS)], status="running", changes=changes).close()
    return after_a_while(Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"], now)


def test_other_batches_are_enough_and_some_steps_more_are_recorded(tmp_path: Path, now: list[float]) -> None:
    assert look(tmp_path, now, Change("batch", step=3)) == [24, 24]


def test_other_initial_weights_are_enough(tmp_path: Path, now: list[float]) -> None:
    assert look(tmp_path, now, Change("variable", step=-1, path="dense/kernel")) == [21, 21]


def test_equal_runs_train_on(tmp_path: Path, now: list[float]) -> None:
    assert look(tmp_path, now) is None


def test_a_gap_that_rounding_may_explain_trains_on(tmp_path: Path, now: list[float]) -> None:
    make_run(tmp_path / "a", trainings=[Training(STEPS)], status="running").close()
    run = Run.open(tmp_path / "a")
    loss = run.step(5).logs["loss"]
    run.close()
    for name, value in (("near", loss * (1 + 1e-6)), ("far", loss * 1.5)):
        change = Change("loss", step=5, value=value, lasting=False)
        make_run(tmp_path / name, trainings=[Training(STEPS)], status="running", changes=[change]).close()
    for name, expected in (("near", None), ("far", [26, 26])):
        assert after_a_while(Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / name], now) == expected


def test_a_run_that_has_not_begun_is_waited_for(tmp_path: Path, now: list[float]) -> None:
    make_run(tmp_path / "a", status="running").close()
    (tmp_path / "b").mkdir()
    assert after_a_while(Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"], now) is None
    (tmp_path / "b" / "manifest.json").write_text("{}")
    assert after_a_while(Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"], now) is None


def test_two_trainings_of_one_run(tmp_path: Path, now: list[float]) -> None:
    two = [Training((4,)), Training((4,), model=2)]
    make_run(tmp_path / "a", trainings=two, status="running", changes=[Change("batch", step=5, lasting=False)]).close()

    def first_and_second(runs: Sequence[Run]) -> tuple[Part, Part]:
        return Part(runs[0], trainings=(1,)), Part(runs[-1], trainings=(2,))

    # Training 2 is recorded after the four steps of training 1.
    found = after_a_while(Watch(first_and_second, lambda comparison: True), [tmp_path / "a"], now)
    assert found is not None
    assert found[0] > 4
    make_run(tmp_path / "one", trainings=two[:1], status="running").close()
    assert after_a_while(Watch(first_and_second, lambda comparison: True), [tmp_path / "one"], now) is None


def test_where_the_steps_are_slow_fewer_have_to_do(tmp_path: Path, now: list[float]) -> None:
    make_run(tmp_path / "a").close()
    make_run(tmp_path / "b", changes=[Change("batch", step=3)]).close()
    watch, directories = Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"]
    assert after_a_while(watch, directories, now) == [24, 24]
    assert watch.settled
    now[0] += 2.5
    assert watch.stop_after(directories) == [0, 0]


def test_what_took_long_to_part_gets_longer(tmp_path: Path, now: list[float]) -> None:
    for name, changes in (("a", []), ("b", [Change("batch", step=3)])):
        make_run(tmp_path / name, trainings=[Training(STEPS)], status="running", changes=changes).close()
    watch, directories = Watch(sides, parted_for_good), [tmp_path / "a", tmp_path / "b"]
    now[0] += 60
    assert after_a_while(watch, directories, now) is None
    assert not watch.settled
    now[0] += 8
    assert watch.stop_after(directories) == [24, 24]
