"""Recording never breaks a training, and what it could not do is said."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from samefit.record.guard import Guard
from samefit.record.stop import StopPoint, StopRecordedRun, is_stop
from samefit.store.reader import Run
from samefit.store.writer import RunWriter


def fail() -> int:
    raise OSError("no space left on device")


def test_the_first_failure_ends_the_recording_and_not_the_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = RunWriter(tmp_path / "run", {})
    guard = Guard(writer)
    assert guard(lambda: 1, 0) == 1
    assert guard(fail, 0) == 0
    assert guard.stopped
    assert guard(lambda: pytest.fail("it went on"), 0) == 0
    writer.close("complete")
    run = Run.open(tmp_path / "run")
    assert run.manifest["recording_failed"] == "OSError: no space left on device"
    assert [warning.slug for warning in run.warnings] == ["recording-failed"]
    assert "in fail" in run.warnings[0].message
    expected = "samefit: recording stopped, the training goes on: OSError: no space left on device\n"
    assert capsys.readouterr().err == expected


def test_a_writer_that_fails_as_well_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Full:
        def warning(self, slug: str, message: str) -> None:
            raise OSError("no space left on device")

    guard = Guard(Full())  # type: ignore[arg-type]
    assert guard(fail, 0) == 0
    assert guard.stopped
    assert "recording stopped" in capsys.readouterr().err


def test_what_is_no_failure_passes(tmp_path: Path) -> None:
    guard = Guard(RunWriter(tmp_path / "run", {}))

    def stop() -> int:
        raise StopRecordedRun

    with pytest.raises(StopRecordedRun):
        guard(stop, 0)
    assert not guard.stopped


def test_what_comes_up_on_the_way_out_of_a_run_that_is_ended_is_its_end() -> None:
    def fit(error: BaseException) -> None:
        try:
            raise error
        finally:
            raise TypeError("'NoneType' object is not callable")

    for error, expected in ((StopRecordedRun(), True), (ValueError("of the user's"), False)):
        with pytest.raises(TypeError) as raised:
            fit(error)
        assert is_stop(raised.value) is expected
    assert is_stop(StopRecordedRun())
    assert not is_stop(None)


@pytest.mark.parametrize(("recorded", "ends"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_run_ends_after_so_many_steps(recorded: int, ends: bool) -> None:
    assert StopPoint(None, 3).is_reached(recorded) is ends


@pytest.mark.parametrize(("steps", "recorded", "left"), [(3, 0, 3), (3, 2, 1), (3, 4, 0), (None, 7, float("inf"))])
def test_it_is_known_how_many_steps_are_left(steps: int | None, recorded: int, left: float) -> None:
    assert StopPoint(None, steps).left(recorded) == left


def test_a_run_ends_when_a_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "stop"
    now = iter(range(100))
    point = StopPoint(str(file), None, lambda: next(now))
    assert not point.is_reached(100)
    file.write_text("12")
    assert not point.is_reached(11)
    assert point.is_reached(12)
    file.write_text("")
    assert point.is_reached(0)


def test_what_a_signal_handler_raises_reaches_the_user(tmp_path: Path) -> None:
    class Preempted(Exception):
        pass

    def preempted(number: int, frame: object) -> None:
        raise Preempted

    before = signal.signal(signal.SIGTERM, preempted)
    try:
        guard = Guard()
        with pytest.raises(Preempted):
            guard(lambda: signal.raise_signal(signal.SIGTERM), None)
        assert not guard.stopped
        assert guard(fail, 0) == 0
        assert guard.stopped
    finally:
        signal.signal(signal.SIGTERM, before)
