"""Several differences behind one seed that was not set: one cause, unless each has a remedy of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.checks.test_confirm import Bench, run_of
from tests.handmade import Change

from samefit.checks.confirm import confirmed_causes
from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.comparison.result import Cause, Evidence
from samefit.explain import suspects
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.launch.target import parse_target
from samefit.types import Stage

SEEDED = Counterfactual("a seed first", both=({"do": "seed_first", "seed": 1},))


def causes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: list[int | None],
    slug: str = "unseeded",
    *,
    own: bool = False,
) -> tuple[tuple[Cause, ...], Bench]:
    """Returns what is found where re-runs part at `steps` (None: not at all), with one suspect for each."""

    def explain(case: Case) -> Iterator[Suspect]:
        step = case.divergence.step
        put_back = Counterfactual(f"the state of step {step}", ({"do": "generators", "n": step},))
        remedy = f"seed line {step}" if own else "one seed"
        evidence = (Evidence(f"drawn in step {step}"),)
        yield Suspect(slug, f"A draw of step {step}.", evidence, remedy=remedy, counterfactuals=(put_back, SEEDED))

    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explain,)})
    executions = []
    for name in "ab":
        (tmp_path / f"{name}.py").touch()
        executions.append(Execution((("", parse_target(str(tmp_path / f"{name}.py"))),)))
    a, *others = [
        run_of(tmp_path / str(n), *([] if step is None else [Change("loss", step)]))
        for n, step in enumerate([None, 0, *steps])
    ]
    pair = Pair(Part(a), Part(others[0]), *executions)
    bench: Any = Bench(*others[1:])
    found = confirmed_causes(pair, pair.compared(), bench, lambda text: None)
    assert not bench._reruns, "a re-run was expected that nobody asked for"
    return found.causes, bench


def test_two_differences_are_one_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cause,), _ = causes(tmp_path, monkeypatch, [3, None])
    assert (cause.slug, cause.confirmed, cause.remedy) == ("unseeded", True, "one seed")
    assert cause.summary == ("A draw of step 1. 2 differences come of it, one after the other: one seed is the remedy.")
    assert [line.text for line in cause.evidence] == ["drawn in step 1", "drawn in step 4"]
    assert cause.counterfactual == ("with the state of step 1, and the state of step 4, all 8 steps are bit-identical")
    assert cause.loss_gaps is not None
    assert cause.loss_gaps[0] > 0 == cause.loss_gaps[1]


def test_after_two_the_seed_is_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both agree with the seed, and part with nothing changed.
    (cause,), bench = causes(tmp_path, monkeypatch, [3, 5, None, None, None, 5])
    assert cause.counterfactual == "with a seed first, all 8 steps are bit-identical"
    kinds = [[plan["do"] for plan in execution.options["transplants"]] for execution in bench.executions]
    assert kinds[2:4] == [["seed_first"], ["generators", "generators", "seed_first"]]
    assert len(cause.evidence) == 3


@pytest.mark.parametrize(("slug", "own"), [("unseeded", True), ("generator-advanced", False)])
def test_other_remedies_and_other_causes_stay_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slug: str, own: bool
) -> None:
    found, _ = causes(tmp_path, monkeypatch, [3, 5, None], slug, own=own)
    assert [cause.counterfactual.partition(",")[0] for cause in found if cause.counterfactual] == [
        f"with the state of step {step}" for step in (1, 4, 6)
    ]


def test_one_difference_is_told_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (cause,), _ = causes(tmp_path, monkeypatch, [None])
    assert cause.summary == "A draw of step 1."
