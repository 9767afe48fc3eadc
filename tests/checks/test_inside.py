"""When the step at which two sides part is looked into, and what is run for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.handmade import Change, Training, make_run
from tests.insides import LOSS, look

from samefit.checks.execution import Execution
from samefit.checks.inside import look_inside
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Inside
from samefit.errors import TargetFailed
from samefit.store.reader import Run

OTHER = np.float32(0.75)


class Bench:
    """Stands in for the workshop: the re-runs are runs made by hand, which have looked into the step."""

    def __init__(self, tmp_path: Path, fails: Sequence[int] = ()) -> None:
        self.started: dict[str, Execution] = {}
        self._tmp_path, self._fails = tmp_path, [*fails]

    def run(self, *executions: tuple[Execution, str]) -> list[Run]:
        runs = []
        for execution, name in executions:
            self.started[name] = execution
            if self._fails:
                raise TargetFailed("the script failed", self._fails.pop(0))
            run = make_run(self._tmp_path / name, trainings=[Training((4, 4)), Training((4, 4))])
            for number, wanted in enumerate(execution.options["looks"]):
                other = name == "inside-b" or number == 1
                look(run, [replace(LOSS, output=OTHER) if other else LOSS], step=wanted["step"])
            runs.append(run)
        return runs

    def say(self, text: str) -> None:
        pass


def looked(
    tmp_path: Path, *changes: Change, fails: Sequence[int] = (), asked: bool = False
) -> tuple[Inside | None, Bench]:
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=changes)
    pair = Pair(Part(a), Part(b, trainings=(1,)), Execution(()), Execution((), options={"stop_after": 7}))
    bench: Any = Bench(tmp_path, fails)
    return look_inside(pair, pair.compared(), bench, asked=asked), bench


def test_both_sides_are_run_up_to_the_step(tmp_path: Path) -> None:
    inside, bench = looked(tmp_path, Change("loss", 2))
    assert inside is not None
    assert (inside.step, inside.phase) == (3, "loss")
    wanted = {"looks": [{"step": 2, "eager": False}], "keep_states": [2], "every_step": True, "stop_after": 3}
    assert [execution.options for execution in bench.started.values()] == [wanted, wanted]


def test_one_process_is_run_once(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", trainings=[Training(), Training(model=2)], changes=[Change("loss", 9)])
    execution = Execution(())
    pair = Pair(Part(run, trainings=(1,)), Part(run, trainings=(2,)), execution, execution)
    bench: Any = Bench(tmp_path)
    inside = look_inside(pair, pair.compared(), bench, asked=False)
    assert inside is not None
    assert (inside.step, inside.phase) == (2, "loss")
    looks = [{"step": 1, "eager": False}, {"step": 9, "eager": False}]
    wanted = {"looks": looks, "keep_states": [1, 9], "every_step": True, "stop_after": 10}
    assert bench.started["inside"].options == wanted


@pytest.mark.parametrize("what", ["batch", "generator", "log"])
def test_what_does_not_begin_inside_of_a_step(tmp_path: Path, what: str) -> None:
    inside, bench = looked(tmp_path, Change(what, 1, path="numpy"), Change("moving", 1, path="numpy"), asked=True)
    assert inside is None
    assert not bench.started


def test_a_late_step_is_looked_into_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("samefit.checks.inside._EARLY", 2)
    assert looked(tmp_path / "early", Change("loss", 1))[0] is not None
    assert looked(tmp_path / "late", Change("loss", 2))[0] is None
    assert looked(tmp_path / "asked", Change("loss", 2), asked=True)[0] is not None


def test_a_rerun_that_fails_is_said(tmp_path: Path) -> None:
    inside, bench = looked(tmp_path, Change("loss", 2), fails=[1])
    assert inside is not None
    assert inside.failed == "the re-run failed: the script failed"
    assert [*bench.started] == ["inside-a"]


def test_where_a_process_crashed_the_step_is_not_compiled(tmp_path: Path) -> None:
    inside, bench = looked(tmp_path / "once", Change("loss", 2), fails=[-6])
    assert inside is not None
    assert (inside.phase, inside.failed) == ("loss", "")
    assert [execution.options["looks"] for execution in bench.started.values()] == [[{"step": 2, "eager": True}]] * 2
    inside, _ = looked(tmp_path / "twice", Change("loss", 2), fails=[-6, -6])
    assert inside is not None
    assert inside.failed == "the re-run failed: the script failed"
