"""What a pinned check says of both verdicts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.handmade import Change, Training, make_run

from samefit.checks.execution import Execution
from samefit.checks.notes import _not_a_number, notes_of, what_pinning_changed
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Comparison, Difference, Divergence
from samefit.types import Stage, Verdict


def parted(step: int, stage: Stage) -> Divergence:
    return Divergence(1, 2, 1, step, step, stage, "inputs")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (None, None, "As it is, the two agree already."),
        (parted(1, Stage.DATA), None, "As it is, the two part at step 1 (data); pinned they agree."),
        (
            parted(1, Stage.INITIAL_WEIGHTS),
            parted(3, Stage.UPDATE),
            "As it is, the two part at step 1 (initial weights); pinned they part at step 3 (update).",
        ),
        (None, parted(3, Stage.UPDATE), "As it is, the two agree; pinned they part at step 3 (update)."),
    ],
)
def test_what_pinning_changed(
    make_comparison: Callable[..., Comparison], before: Divergence | None, after: Divergence | None, said: str
) -> None:
    def comparison(divergence: Divergence | None) -> Comparison:
        verdict = Verdict.IDENTICAL if divergence is None else Verdict.DIVERGED
        return make_comparison(verdict=verdict, first_divergence=divergence)

    assert what_pinning_changed(comparison(before), comparison(after)) == said


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.NOT_COMPARABLE, "could not be compared"),
        (Verdict.INCOMPLETE, "nothing that was compared differs"),
    ],
)
def test_pairs_of_which_nothing_is_known_do_not_agree(
    make_comparison: Callable[..., Comparison], verdict: Verdict, said: str
) -> None:
    unknown, same = make_comparison(verdict=verdict), make_comparison(verdict=Verdict.IDENTICAL)
    for first, second in ((unknown, unknown), (unknown, same), (same, unknown)):
        text = what_pinning_changed(first, second)
        assert said in text
        assert text.count("agree") == (first.same or second.same)


@pytest.mark.parametrize(
    ("final", "verdict", "is_said"),
    [
        ((math.nan, math.nan), Verdict.IDENTICAL, True),
        ((math.nan, math.nan), Verdict.DIVERGED, False),
        ((math.nan, 1.0), Verdict.IDENTICAL, False),
        ((1.0, 1.0), Verdict.IDENTICAL, False),
    ],
)
def test_two_losses_that_are_not_numbers(
    make_comparison: Callable[..., Comparison], final: tuple[float, float], verdict: Verdict, is_said: bool
) -> None:
    comparison = make_comparison(verdict=verdict, differences={"loss": Difference(None, final=final)})
    assert any("NaN" in note for note in _not_a_number(comparison)) is is_said


@pytest.mark.parametrize(
    ("options", "changes", "keras", "is_said"),
    [
        ({"x": {"digest": "aa"}}, [], "3.15.1", True),
        # From there on one order in every epoch is Keras's rule on all backends.
        ({"x": {"digest": "aa"}}, [], "3.16.0.dev0", False),
        ({"x": {"digest": "aa"}, "shuffle": False}, [], "3.15.1", False),
        ({"x": {"type": "_BatchDataset"}}, [], "3.15.1", False),
        ({"x": {"digest": "aa"}}, [Change("no batch")], "3.15.1", False),
    ],
)
def test_that_tensorflow_repeats_an_order_is_said_where_fit_shuffles(
    tmp_path: Path, options: dict[str, object], changes: list[Change], keras: str, is_said: bool
) -> None:
    trainings = [Training((4,), options=options), Training((4,), model=2, options=options)]
    manifest = {"backend": "tensorflow", "versions": {"keras": keras}}
    run = make_run(tmp_path / "run", trainings=trainings, changes=changes, manifest=manifest)
    execution = Execution(())
    pair = Pair(Part(run, trainings=(1,)), Part(run, trainings=(2,)), execution, execution)
    notes = list(notes_of(pair, pair.compared()))
    assert any("very same shuffle order" in note for note in notes) is is_said


@pytest.mark.parametrize(
    ("floatx", "enabled", "said"), [("float64", False, True), ("float64", True, False), ("float32", False, False)]
)
def test_that_jax_has_no_float64_is_said_where_it_is_asked_for(
    tmp_path: Path, floatx: str, enabled: bool, said: bool
) -> None:
    wide = {"globals": {"floatx": floatx}, "flags": {"jax_enable_x64": enabled}, "backend": "jax"}
    a, b = make_run(tmp_path / "a"), make_run(tmp_path / "b", manifest=wide)
    pair = Pair(Part(a), Part(b), Execution(()), Execution(()))
    notes = notes_of(pair, pair.compared())
    assert any("JAX computes in float32 all the same" in note for note in notes) is said
