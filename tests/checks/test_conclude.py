"""When a divergence is judged to be rounding: one step and the whole training are measured, and each may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.handmade import Change, Training, dense, make_run

from samefit.checks import conclude
from samefit.checks.conclude import explained_by_reruns
from samefit.checks.execution import Execution
from samefit.checks.one_step import OneStep
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Comparison
from samefit.errors import TargetFailed
from samefit.store.reader import Run
from samefit.types import Verdict

ROUNDING = OneStep(gap=5e-8, gap_float64=2e-16, floor=1e-9)
LOGIC = OneStep(gap=3e-4, gap_float64=3e-4, floor=1e-7)


def run_of(path: Path, *changes: Change, backend: str = "jax") -> Run:
    return make_run(
        path,
        layers=[dense(4, 4)],
        trainings=[Training()],
        changes=changes,
        manifest={"backend": backend, "transplants": ["perturb"]},
    )


class Bench:
    """Stands in for the workshop: every re-run is `again`."""

    def __init__(self, again: Run | Exception) -> None:
        self._again = again

    def run(self, *executions: tuple[Execution, str], watch: object = None) -> list[Run]:
        if isinstance(self._again, Exception):
            raise self._again
        return [self._again for _ in executions]

    def say(self, text: str) -> None:
        pass


def judged(monkeypatch: pytest.MonkeyPatch, step: OneStep | None, a: Run, b: Run, again: Run | Exception) -> Comparison:
    monkeypatch.setattr(conclude, "measure_one_step", lambda *_: step)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    return explained_by_reruns(pair, pair.compared(), Bench(again))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("step", "loss", "floor", "verdict", "slug"),
    [
        (ROUNDING, 1e-6, 1e-6, Verdict.WITHIN_TOLERANCE, "rounding"),
        (None, 1e-6, 1e-6, Verdict.WITHIN_TOLERANCE, "rounding"),
        (ROUNDING, 1e-2, 1e-6, Verdict.DIVERGED, "rounding"),
        (None, 1e-2, 1e-6, Verdict.DIVERGED, "unknown"),
        (LOGIC, 1e-6, 1e-6, Verdict.DIVERGED, "unknown"),
    ],
)
def test_a_verdict_needs_a_training_that_rounding_explains(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: OneStep | None,
    loss: float,
    floor: float,
    verdict: Verdict,
    slug: str,
) -> None:
    a = run_of(tmp_path / "a")
    first = a.step(0).logs["loss"]
    b = run_of(tmp_path / "b", Change("loss", value=first * (1 + loss), lasting=False), backend="torch")
    again = run_of(tmp_path / "again", Change("loss", value=first * (1 + floor), lasting=False))
    comparison = judged(monkeypatch, step, a, b, again)
    assert (comparison.verdict, comparison.causes[0].slug) == (verdict, slug)


@pytest.mark.parametrize("step", [ROUNDING, None])
@pytest.mark.parametrize("missing", ["no loss", "failed", "still"])
def test_without_a_measurement_of_the_whole_training_there_is_no_verdict_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: OneStep | None, missing: str
) -> None:
    dropped = (Change("no loss"),) if missing == "no loss" else ()
    changed = Change("variable", path="dense/kernel") if dropped else Change("loss")
    a, b = run_of(tmp_path / "a", *dropped), run_of(tmp_path / "b", *dropped, changed, backend="torch")
    again = TargetFailed("b.py ended with exit status 1\nAssertionError", 1) if missing == "failed" else a
    comparison = judged(monkeypatch, step, a, b, again)
    assert comparison.verdict is Verdict.DIVERGED
    assert comparison.causes[0].slug == "rounding"
    text = comparison.causes[0].evidence[-1].text
    assert text.startswith("how far rounding takes the whole training was not measured: ")
    assert {"no loss": "no loss in common", "failed": "b.py ended with exit status 1)", "still": "does not move"}[
        missing
    ] in text
