"""Both sides run again where the place of their divergence is known only within some steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.handmade import Change, make_run

from samefit.checks.execution import Execution
from samefit.checks.narrow import narrowed, with_place_of
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Comparison
from samefit.errors import TargetFailed
from samefit.store.reader import Run
from samefit.types import Stage

PLACE = Change("variable", 5, "dense/kernel")


class Bench:
    """Stands in for the workshop: the re-runs are runs made by hand, with every state."""

    def __init__(self, tmp_path: Path, changes: tuple[Change, ...], fails: bool) -> None:
        self.started: dict[str, Execution] = {}
        self._tmp_path, self._changes, self._fails = tmp_path, changes, fails

    def run(self, *executions: tuple[Execution, str]) -> list[Run]:
        self.started = {name: execution for execution, name in executions}
        if self._fails:
            raise TargetFailed("the script failed", 1)
        changes = [[], self._changes]
        return [make_run(self._tmp_path / name, changes=changes[number]) for number, (_, name) in enumerate(executions)]

    def say(self, text: str) -> None:
        pass


def found(
    tmp_path: Path, *changes: Change, again: tuple[Change, ...] = (PLACE,), every: int = 4, fails: bool = False
) -> tuple[Comparison, Comparison, str, Bench]:
    a = make_run(tmp_path / "a", every=every)
    b = make_run(tmp_path / "b", every=every, changes=changes)
    pair = Pair(Part(a), Part(b), Execution(()), Execution((), options={"keep_data": True}))
    before = pair.compared()
    bench: Any = Bench(tmp_path, again, fails)
    _, near, note = narrowed(pair, before, bench)
    return with_place_of(before, near), near, note, bench


def test_the_place_is_found_by_running_again(tmp_path: Path) -> None:
    comparison, _, note, bench = found(tmp_path, PLACE)
    divergence = comparison.first_divergence
    assert divergence is not None
    assert (divergence.step, divergence.stage, divergence.known_equal) == (6, Stage.BACKWARD, None)
    assert comparison.differences["updates"].first_step == 6
    assert note == "Both sides ran again up to step 8, with weights recorded after every step: the place is exact."
    options = {name: execution.options for name, execution in bench.started.items()}
    assert options["every-step-a"] == {"every_step": True, "stop_after": 8}
    assert options["every-step-b"] == {"every_step": True, "stop_after": 8, "keep_data": True}


@pytest.mark.parametrize("changes", [(), (Change("batch", 0),), (Change("loss", 4),)])
def test_an_exact_place_is_left_alone(tmp_path: Path, changes: tuple[Change, ...]) -> None:
    _, _, note, bench = found(tmp_path, *changes)
    assert note == ""
    assert not bench.started


def test_with_every_state_nothing_runs_again(tmp_path: Path) -> None:
    _, _, note, bench = found(tmp_path, PLACE, every=1)
    assert note == ""
    assert not bench.started


@pytest.mark.parametrize(
    ("again", "fails", "why"),
    [
        ((), False, "in a re-run they part elsewhere or not at all"),
        ((Change("loss", 1),), False, "in a re-run they part elsewhere or not at all"),
        ((PLACE,), True, "a re-run failed (the script failed)"),
    ],
)
def test_a_re_run_that_does_not_show_the_place_is_said(
    tmp_path: Path, again: tuple[Change, ...], fails: bool, why: str
) -> None:
    comparison, _, note, _ = found(tmp_path, PLACE, again=again, fails=fails)
    divergence = comparison.first_divergence
    assert divergence is not None
    assert (divergence.step, divergence.known_equal) == (8, 4)
    assert note == f"Weights were not recorded between the steps 4 and 8; {why}, so the place is no more exact."


def test_a_re_run_that_parts_later_does_not_make_the_place_exact(tmp_path: Path) -> None:
    comparison, _, note, _ = found(tmp_path, PLACE, again=(Change("variable", 6, "dense/kernel"),), every=3)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.step == 6
    assert "in a re-run they part elsewhere or not at all" in note
