"""Comparisons made by hand, one for each thing that a report must be able to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from samefit.comparison.result import (
    AlignmentSummary,
    Cause,
    Comparison,
    Difference,
    Divergence,
    Evidence,
    SettingDifference,
    SideSummary,
)
from samefit.types import Location, Stage, Verdict

SCRIPT = "/code/train.py"
SEED = Location(SCRIPT, 9, "keras.utils.set_random_seed(1)")
FIRST = Location(SCRIPT, 41, "one = residual.fit(x, y, epochs=3)")
SECOND = Location(SCRIPT, 42, "two = subclassed.fit(x, y, epochs=3)")


def side(**changes: Any) -> SideSummary:
    values: dict[str, Any] = {
        "run": "/runs/check/run",
        "target": "train.py",
        "trainings": (1,),
        "models": ('Sequential "residual"',),
        "locations": (FIRST,),
        "steps": 45,
        "backend": "jax",
        "versions": {"jax": "0.10.2", "keras": "3.15.1", "numpy": "2.4.6"},
    }
    return SideSummary(**(values | changes))


TWIN = {"trainings": (2,), "models": ("ResidualNet",), "locations": (SECOND,)}

ADVANCED = Cause(
    slug="generator-advanced",
    confirmed=True,
    summary="numpy.random was seeded at line 9; #1 began at draw 0, #2 at draw 4",
    evidence=(
        Evidence("keras.utils.set_random_seed(1)", "", SEED),
        Evidence("1 draw to look at a first batch", "baseline", FIRST),
        Evidence(
            "3 draws to shuffle 3 epochs, told at such length that it cannot stand on one line", "baseline", FIRST
        ),
    ),
    location=SECOND,
    remedy="put  keras.utils.set_random_seed(1)  before line 42,\nor run each training in a process of its own",
    counterfactual="with NumPy's generator put back before #2, all 45 steps are bit-identical",
)

DIVERGED = Comparison(
    verdict=Verdict.DIVERGED,
    baseline=side(),
    candidate=side(**TWIN),
    first_divergence=Divergence(1, 2, 1, 1, 1, Stage.DATA, "inputs", "the same 1797 samples in another order"),
    causes=(ADVANCED,),
    differences={
        "loss": Difference(1, 0.2124, 0.031, (7.75296, 7.910062), 45),
        "updates": Difference(1, steps=45),
        "weights": Difference(1, 0.5, steps=45),
        "metrics": Difference(45, metrics={"accuracy": (0.91, 0.93), "loss": (7.75296, 7.910062)}),
    },
    alignment=AlignmentSummary("execution-order", 8),
    steps_compared=45,
    equal=("structure (8 weights, aligned by execution order)", "initial weights", "optimizer", "content of the data"),
    timing={"run": 5.21, "compare": 0.012},
)

IDENTICAL = Comparison(
    verdict=Verdict.IDENTICAL,
    baseline=side(),
    candidate=side(**TWIN),
    alignment=AlignmentSummary("path", 8),
    steps_compared=45,
    equal=("structure", "initial weights", "batches"),
    notes=("On TensorFlow each fit call repeats the very same shuffle order.",),
)

SAMPLES: dict[str, Comparison] = {
    "diverged": DIVERGED,
    "identical": IDENTICAL,
    "within_tolerance": replace(
        DIVERGED,
        verdict=Verdict.WITHIN_TOLERANCE,
        baseline=side(run="/runs/check/a"),
        candidate=side(run="/runs/check/b", backend="tensorflow", versions={"tensorflow": "2.21.0", "keras": "3.15.1"}),
        first_divergence=Divergence(1, 1, 2, 19, 4, Stage.UPDATE, "dense/kernel", "", 3),
        causes=(),
        differences={"loss": Difference(19, 2.1e-7, 1e-7, (1.2345678901, 1.2345678912), 45)},
    ),
    "incomplete": replace(
        IDENTICAL,
        verdict=Verdict.INCOMPLETE,
        baseline=side(run="/runs/a"),
        candidate=side(run="/runs/b", steps=12, status="killed"),
        steps_compared=12,
        notes=(),
    ),
    "not_comparable": replace(
        IDENTICAL,
        verdict=Verdict.NOT_COMPARABLE,
        candidate=side(
            target="other.py", run="/runs/b", trainings=(), models=(), locations=(), steps=0, backend="", versions={}
        ),
        steps_compared=0,
        alignment=AlignmentSummary("none", 0),
        equal=(),
        notes=(),
    ),
    "unknown": replace(
        DIVERGED,
        first_divergence=Divergence(1, 2, 1, 0, 0, Stage.INITIAL_WEIGHTS, "dense/kernel", "", 4),
        causes=(
            Cause(
                "unknown",
                False,
                "Nothing that samefit knows explains this divergence.",
                (Evidence("equal: batches"), Evidence("looked at without a finding: environment, precision, layers")),
                unconfirmed_because="no suspect is left",
            ),
        ),
    ),
    "several": replace(
        DIVERGED,
        baseline=side(trainings=(1, 2, 3, 4), models=("A", "B", "A", "B"), locations=(FIRST, SECOND, FIRST, SECOND)),
        candidate=side(
            target="/elsewhere/other.py --fast",
            run="/runs/b",
            trainings=(1, 2),
            models=("A", "B"),
            locations=(Location("/elsewhere/other.py", 7), Location("/elsewhere/other.py", 8)),
        ),
        first_divergence=Divergence(2, 1, 3, 31, 1, Stage.RANDOMNESS, "dropout/seed_generator_state", "", 1),
        causes=(
            ADVANCED,
            Cause(
                "optimizer-config",
                False,
                "The learning rates are not the same.",
                tuple(Evidence(f"fact {number}", "candidate") for number in range(1, 8)),
                remedy="Adam(learning_rate=0.001)",
                unconfirmed_because="the divergence stayed when it was re-run with this changed",
                counterfactual="with learning_rate=0.001, the two part at step 2",
            ),
        ),
        settings=(
            SettingDifference("environment", "OMP_NUM_THREADS", "1", None),
            SettingDifference("optimizer", "learning_rate", 0.001, 0.01, Location("/elsewhere/other.py", 5)),
        ),
        alignment=AlignmentSummary(
            "execution-order", 6, ("dense_9/bias",), (), "ambiguous", "two branches are interchangeable"
        ),
    ),
    "pinned": replace(IDENTICAL, notes=(), unpinned=DIVERGED),
    "hostile": replace(
        IDENTICAL,
        candidate=side(models=("[red]<b>\x1b[2J</b>[/red]",), trainings=(2,), locations=(None,)),
        notes=("a note with :smile: and [bold]markup[/bold]",),
    ),
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `sample` runs once for each comparison."""
    if "sample" in metafunc.fixturenames:
        metafunc.parametrize("sample", SAMPLES.values(), ids=SAMPLES)


@pytest.fixture
def samples() -> dict[str, Comparison]:
    """All comparisons made by hand, by name."""
    return SAMPLES
