"""Gradients of one step, measured: what is rounding, what is not, and what cannot be judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.checks.later import Later
from tests.handmade import Change, Training, dense, make_run, met

from samefit.checks.execution import Execution
from samefit.checks.one_step import OneStep, measure_one_step
from samefit.checks.pair import Pair, Part
from samefit.errors import TargetFailed
from samefit.store.reader import Run


def test_float64_proves_rounding() -> None:
    step = OneStep(gap=5e-8, gap_float64=2e-16, floor=1e-9)
    assert (step.is_proven, step.is_rounding) == (True, True)
    assert step.text.endswith("the same mathematics")


def test_a_gap_that_stays_in_float64_is_judged_by_the_floor() -> None:
    inside = OneStep(gap=1e-7, gap_float64=4e-8, floor=7e-8)
    assert (inside.is_proven, inside.is_rounding) == (False, True)
    outside = OneStep(gap=3e-4, gap_float64=3e-4, floor=1e-7)
    assert (outside.is_proven, outside.is_rounding) == (False, False)
    assert outside.text.endswith("logic")


def test_without_float64_the_floor_decides() -> None:
    assert OneStep(gap=1e-7, gap_float64=None, floor=7e-8).is_rounding
    assert "float64" not in OneStep(gap=1e-7, gap_float64=None, floor=7e-8).text


class Bench:
    """Stands in for the workshop: each re-run has the gradient that the test wants, at its first step."""

    def __init__(self, tmp_path: Path, run: Run, gradients: dict[str, float | Exception]) -> None:
        self.started: dict[str, Execution] = {}
        self.unmet = ""
        self._tmp_path, self._run, self._gradients = tmp_path, run, gradients

    def run(self, *executions: tuple[Execution, str], watch: Any = None) -> list[Run]:
        return [self._one(execution, name) for execution, name in executions]

    def _one(self, execution: Execution, name: str) -> Run:
        self.started[name] = execution
        wanted = self._gradients[name]
        if isinstance(wanted, Exception):
            raise wanted
        outcomes = met(execution.options["transplants"])
        if name == self.unmet:
            outcomes[1] |= {"met": "part", "missing": ["dense/kernel"]}
        run = make_run(
            self._tmp_path / name,
            layers=[dense(2, 2)],
            trainings=[Training(compiled={"number": 0})],
            manifest={"transplants": outcomes},
        )
        before = run.arrays("initial-1")
        assert before is not None
        after = {path: np.asarray(value.astype("float64") - 0.5) for path, value in before.items()}
        kernel = next(path for path in after if path.endswith("kernel"))
        after[kernel] = after[kernel] - wanted
        save_file(after, run.path / "arrays" / "state-0.safetensors")
        return run

    def begin(self, execution: Execution, name: str) -> Later:
        return Later(lambda: self.run((execution, name))[0])

    def say(self, text: str) -> None:
        pass


def pair_of(tmp_path: Path, *changes: Change) -> Pair:
    training = Training(compiled={"number": 0})
    a = make_run(tmp_path / "a", layers=[dense(2, 2)], trainings=[training])
    b = make_run(tmp_path / "b", layers=[dense(2, 2)], trainings=[training], changes=changes)
    return Pair(Part(a), Part(b), Execution(()), Execution(()))


def measured(tmp_path: Path, gradients: dict[str, Any], *changes: Change) -> tuple[OneStep | None, Bench]:
    pair = pair_of(tmp_path, *(changes or (Change("loss"),)))
    bench = Bench(tmp_path, pair.a.run, gradients)
    return measure_one_step(pair, pair.compared(), bench), bench  # type: ignore[arg-type]


GAPS = {"step-a": 0.0, "step-b": 1e-6, "step-perturbed-a": 2e-6, "step-float64-a": 0.0, "step-float64-b": 1e-12}


def test_the_gap_is_relative_to_the_norm_of_the_whole_gradient(tmp_path: Path) -> None:
    step, bench = measured(tmp_path, GAPS)
    assert step is not None
    norm = np.sqrt(6 * 0.25)
    assert step.gap == pytest.approx(1e-6 / norm, rel=0.1)
    assert step.floor == pytest.approx(2e-6 / norm, rel=0.1)
    assert step.gap_float64 == pytest.approx(1e-12 / norm, rel=0.1)
    assert [item["do"] for item in bench.started["step-b"].options["transplants"]] == ["compile", "weights"]
    assert [item["do"] for item in bench.started["step-perturbed-a"].options["transplants"]][-1] == "perturb"
    assert bench.started["step-float64-b"].environment == {"JAX_ENABLE_X64": "1"}
    assert all(execution.options["stop_after"] == 1 for execution in bench.started.values())
    assert all(execution.options["keep_states"] == [0] for execution in bench.started.values())


def test_a_script_that_cannot_run_in_float64_is_judged_without(tmp_path: Path) -> None:
    step, _ = measured(tmp_path, {**GAPS, "step-float64-a": TargetFailed("no float64", 1)})
    assert step is not None
    assert step.gap_float64 is None


@pytest.mark.parametrize(
    ("gradients", "changes"),
    [
        ({**GAPS, "step-b": 0.0}, ()),
        ({**GAPS, "step-a": TargetFailed("the re-run failed", 1)}, ()),
        (GAPS, (Change("loss", 2),)),
    ],
    ids=["the gradients agree", "the step cannot be run again", "not the first step of a training"],
)
def test_nothing_is_judged(tmp_path: Path, gradients: dict[str, Any], changes: Sequence[Change]) -> None:
    assert measured(tmp_path, gradients, *changes)[0] is None


def test_weights_that_were_put_in_only_in_part_are_no_equal_state(tmp_path: Path) -> None:
    pair = pair_of(tmp_path, Change("loss"))
    bench = Bench(tmp_path, pair.a.run, GAPS)
    bench.unmet = "step-b"
    assert measure_one_step(pair, pair.compared(), bench) is None  # type: ignore[arg-type]
