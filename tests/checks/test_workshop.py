"""Processes of a check: at most two at once, and none is left behind."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.handmade import make_run

from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.launch.process import SideTarget


class Child:
    """A process that ends when somebody waits for it."""

    running: ClassVar[list[Child]] = []
    most = 0

    def __init__(self, directory: Path) -> None:
        self.run_directory = directory
        self.exit_status: int | None = None
        self.stop_requested = False
        make_run(directory)
        Child.running.append(self)
        Child.most = max(Child.most, len(Child.running))

    def poll(self) -> int | None:
        return self.exit_status

    def wait(self, timeout: float | None = None) -> int | None:
        if self.exit_status is None:
            self.exit_status = 0
            Child.running.remove(self)
        return self.exit_status

    def stop_after(self, steps: int) -> None:
        self.stop_requested = True

    def stop(self) -> None:
        self.stop_requested = True
        self.wait()


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    def start(targets: Sequence[SideTarget], *, run_directory: Path, **how: Any) -> Child:
        return Child(run_directory)

    monkeypatch.setattr("samefit.checks.workshop.start", start)
    Child.running, Child.most = [], 0
    return Workshop(tmp_path, lambda text: None)


def test_two_run_at_once_and_no_more(workshop: Workshop) -> None:
    with workshop:
        begun = [workshop.begin(Execution(()), str(number)) for number in range(4)]
        assert Child.most == 2
        assert [one.run().path.name for one in begun] == ["0", "1", "2", "3"]


def test_a_pair_waits_for_room(workshop: Workshop) -> None:
    with workshop:
        workshop.begin(Execution(()), "before")
        assert [run.path.name for run in workshop.run((Execution(()), "a"), (Execution(()), "b"))] == ["a", "b"]
    assert Child.most == 2


def test_what_nobody_waits_for_is_stopped(workshop: Workshop) -> None:
    with workshop:
        workshop.begin(Execution(()), "left")
    assert Child.running == []
