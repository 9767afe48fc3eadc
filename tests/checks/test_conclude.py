"""When a divergence is judged to be rounding: one step and the whole training are measured, and each may be missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.checks.later import Later
from tests.handmade import Change, Training, dense, dropout, make_run, met

from samefit.checks import conclude
from samefit.checks.conclude import concluded, explained_by_reruns
from samefit.checks.confirm import Found
from samefit.checks.execution import Execution
from samefit.checks.one_step import OneStep
from samefit.checks.pair import Pair, Part
from samefit.checks.parity import Measured
from samefit.comparison.parity import JudgedStep, Parity, Place
from samefit.comparison.result import Cause, Comparison
from samefit.errors import TargetFailed
from samefit.store.reader import Run
from samefit.types import Verdict

ROUNDING = OneStep(gap=5e-8, gap_float64=2e-16, floor=1e-9)
LOGIC = OneStep(gap=3e-4, gap_float64=3e-4, floor=1e-7)


def run_of(
    path: Path,
    *changes: Change,
    backend: str = "jax",
    training: Training | None = None,
    status: str = "complete",
    every: int = 1,
) -> Run:
    return make_run(
        path,
        layers=[dense(4, 4), dropout()],
        trainings=[training or Training()],
        changes=changes,
        manifest={"backend": backend, "pin": 1, "transplants": met([{"do": "perturb"}])},
        status=status,
        every=every,
    )


class Bench:
    """Stands in for the workshop: every re-run is `again`."""

    remarks = ()

    def __init__(self, again: Run | Exception) -> None:
        self._again = again

    def run(self, *executions: tuple[Execution, str], watch: object = None) -> list[Run]:
        if isinstance(self._again, Exception):
            raise self._again
        return [self._again for _ in executions]

    def begin(self, execution: Execution, name: str) -> Later:
        return Later(lambda: self.run((execution, name))[0])

    def say(self, text: str) -> None:
        pass


def judged(
    monkeypatch: pytest.MonkeyPatch,
    step: OneStep | None,
    a: Run,
    b: Run,
    again: Run | Exception,
    parity: Measured | None = None,
) -> Comparison:
    monkeypatch.setattr(conclude, "measure_parity", lambda *_: parity)
    monkeypatch.setattr(conclude, "measure_one_step", lambda *_: step)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    return explained_by_reruns(pair, pair.compared(), Bench(again))  # type: ignore[arg-type]


def rounded(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *changes: Change,
    step: OneStep | None = ROUNDING,
    loss: float = 1e-6,
    floor: float = 1e-6,
    both: Sequence[Change] = (),
    every: int = 1,
    parity: Measured | None = None,
    **candidate: Any,
) -> Comparison:
    """Judges a candidate whose first loss is a little off."""
    a = run_of(tmp_path / "a", *both, every=every)
    first = a.step(0).logs["loss"]
    off = Change("loss", value=first * (1 + loss), lasting=False)
    b = run_of(tmp_path / "b", off, *both, *changes, backend="torch", every=every, **candidate)
    again = run_of(tmp_path / "again", Change("loss", value=first * (1 + floor), lasting=False), *both)
    return judged(monkeypatch, step, a, b, again, parity)


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
    comparison = rounded(tmp_path, monkeypatch, step=step, loss=loss, floor=floor)
    assert (comparison.verdict, comparison.causes[0].slug) == (verdict, slug)


def steps_with(*places: Place, failed: str = "") -> Measured:
    return Measured(Parity(steps=(JudgedStep(1, "first", places, failed=failed),)))


SMALL = Place("forward", "dense", 1e-7, 1e-7, 1e-16)
ONE_STEP = Place("loss", "loss", 1e-5, 1e-7, 1e-14)
OTHER = Place("forward", "average_pooling2d", 0.07, 4e-8, 0.07)


@pytest.mark.parametrize(
    ("parity", "loss", "verdict", "slug"),
    [
        (steps_with(SMALL), 1e-6, Verdict.WITHIN_TOLERANCE, "rounding"),
        (steps_with(SMALL), 1e-4, Verdict.DIVERGED, "rounding"),
        # Each step adds as much as one step from equal state; first weights that are moved are moved once.
        (steps_with(SMALL, ONE_STEP), 1e-4, Verdict.WITHIN_TOLERANCE, "rounding"),
        (steps_with(SMALL, ONE_STEP), 1e-3, Verdict.DIVERGED, "rounding"),
        (steps_with(SMALL, OTHER), 1e-6, Verdict.DIVERGED, "backend-difference"),
        (steps_with(SMALL, Place("loss", "loss", 34.0, 1e-7, 34.0)), 1e-6, Verdict.DIVERGED, "loss-config"),
        (steps_with(SMALL, Place("backward", "dense/kernel", 5e-6, 1e-7)), 1e-6, Verdict.DIVERGED, "unknown"),
        (steps_with(failed="the two got other batches"), 1e-6, Verdict.DIVERGED, "unknown"),
        # No step at all: the one step of old decides.
        (Measured(Parity(failed="a re-run failed")), 1e-6, Verdict.WITHIN_TOLERANCE, "rounding"),
    ],
)
def test_between_backends_the_judged_steps_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parity: Measured, loss: float, verdict: Verdict, slug: str
) -> None:
    comparison = rounded(tmp_path, monkeypatch, loss=loss, parity=parity)
    assert (comparison.verdict, comparison.causes[0].slug) == (verdict, slug)
    assert comparison.parity is not None
    if slug == "backend-difference":
        assert "What average_pooling2d gives out is not the same function" in comparison.causes[0].summary


@pytest.mark.parametrize("step", [ROUNDING, None])
@pytest.mark.parametrize("missing", ["no loss", "failed"])
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
    assert {"no loss": "no loss in common", "failed": "b.py ended with exit status 1)"}[missing] in text


@pytest.mark.parametrize(("loss", "verdict"), [(1e-6, Verdict.WITHIN_TOLERANCE), (1e-4, Verdict.DIVERGED)])
def test_a_training_that_one_unit_does_not_move_is_known_to_a_unit_of_its_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loss: float, verdict: Verdict
) -> None:
    # Losses that a float32 holds.
    both = [Change("loss", step, value=2.0**-step, lasting=False) for step in range(1, 8)]
    comparison = rounded(tmp_path, monkeypatch, loss=loss, floor=0.0, both=both)
    assert comparison.verdict is verdict
    assert "moves by less than 1.2e-07, one unit in the last place of it" in comparison.causes[0].evidence[-1].text
    wide = rounded(tmp_path / "float64", monkeypatch, loss=loss, floor=0.0)
    assert wide.verdict is Verdict.DIVERGED
    assert "moves by less than 2.2e-16" in wide.causes[0].evidence[-1].text


@pytest.mark.parametrize(
    ("changes", "candidate", "text"),
    [
        ([Change("batch", 5), Change("rows", 5)], {}, "at step 6, data: inputs (other samples or values"),
        ([Change("variable", 5, "dropout/seed_generator_state")], {}, "at step 6, randomness: dropout/seed_generator_"),
        ([Change("variable", 5, "dropout/seed_generator_state")], {"every": 4}, "at step 8, randomness: dropout/seed"),
        ([Change("generator", 5, "numpy")], {"both": [Change("moving", path="numpy")]}, "at step 6, randomness: numpy"),
        ([Change("variable", 0, "adam/learning_rate")], {}, "at step 1, update: adam/learning_rate"),
        ([Change("variable", 7, "adam/iteration")], {}, "at step 8, update: adam/iteration"),
        ([], {"training": Training((4, 3))}, "the baseline trains 8 steps and the candidate 7"),
        ([], {"training": Training(status="failed")}, "training #1 of the candidate is failed"),
    ],
)
def test_what_rounding_cannot_change_is_never_within_its_tolerance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[Change], candidate: dict[str, Any], text: str
) -> None:
    comparison = rounded(tmp_path, monkeypatch, *changes, **candidate)
    assert (comparison.verdict, comparison.causes[0].slug) == (Verdict.DIVERGED, "rounding")
    assert any(text in note for note in comparison.notes)
    assert comparison.causes[0].summary.endswith("see the note.")


@pytest.mark.parametrize(
    "changes",
    [
        [Change("variable", 3, "dense/kernel"), Change("variable", 3, "adam/dense_kernel_momentum")],
        [Change("no batch", 4)],
        [Change("generator", 4, "numpy")],
    ],
)
def test_what_rounding_changes_and_what_acts_on_nothing_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: list[Change]
) -> None:
    assert rounded(tmp_path, monkeypatch, *changes).verdict is Verdict.WITHIN_TOLERANCE


def test_sides_that_samefit_ended_need_not_be_of_one_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = Training((4, 3), status="stopped")
    comparison = rounded(tmp_path, monkeypatch, training=stopped, status="stopped")
    assert comparison.verdict is Verdict.WITHIN_TOLERANCE


@pytest.mark.parametrize("every", [1, 4])
def test_without_re_runs_the_suspect_is_named(tmp_path: Path, every: int) -> None:
    a = run_of(tmp_path / "a", every=every)
    b = run_of(tmp_path / "b", Change("variable", 2, "dense/kernel"), every=every)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    bench = Bench(TargetFailed("nothing may run", 1))
    found = concluded(pair, bench, began=0.0, ended=False, confirm=False)  # type: ignore[arg-type]
    assert found.verdict is Verdict.DIVERGED
    assert [cause.confirmed for cause in found.causes] == [False]


@pytest.mark.parametrize("alike", [True, False])
def test_sides_that_were_ended_with_other_models_may_train_in_another_order(tmp_path: Path, alike: bool) -> None:
    a = run_of(tmp_path / "a")
    layers = [dense(4, 4), dropout()] if alike else [dense(4, 4), dense(4, 4), dropout()]
    b = make_run(tmp_path / "b", layers=layers, trainings=[Training()], changes=[Change("loss")])
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    found = concluded(pair, Bench(a), began=0.0, ended=True, confirm=False)  # type: ignore[arg-type]
    assert any("--to-end lets both train" in note for note in found.notes)
    assert any("in another order" in note for note in found.notes) is not alike


@pytest.mark.parametrize("confirmed", [True, False])
def test_what_is_confirmed_of_two_models_shows_that_they_belong_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, confirmed: bool
) -> None:
    a = run_of(tmp_path / "a")
    layers = [dense(4, 4), dense(4, 4), dropout()]
    b = make_run(tmp_path / "b", layers=layers, trainings=[Training()], changes=[Change("loss")])
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    cause = Cause("seed", confirmed, "The seeds differ.")
    monkeypatch.setattr(conclude, "confirmed_causes", lambda pair, found, *_: Found((cause,), pair, found))
    found = concluded(pair, Bench(a), began=0.0, ended=True, confirm=True, inside=False)  # type: ignore[arg-type]
    assert [each.confirmed for each in found.causes] == [confirmed]
    assert any("in another order" in note for note in found.notes) is not confirmed


def test_models_that_are_not_alike_behind_what_is_confirmed_may_train_in_another_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = run_of(tmp_path / "a")
    pair = Pair(Part(a), Part(run_of(tmp_path / "b", Change("loss"))), Execution(()), Execution(()))
    causes = (Cause("different-seed", True, "The seeds differ."), Cause("model-config", False, "The layers differ."))
    monkeypatch.setattr(conclude, "confirmed_causes", lambda pair, found, *_: Found(causes, pair, found))
    found = concluded(pair, Bench(a), began=0.0, ended=True, confirm=True, inside=False)  # type: ignore[arg-type]
    assert any("in another order" in note for note in found.notes)
