"""Causes that act at one place: without one of them alone the divergence stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.checks.test_confirm import causes, found_by, parting

from samefit.errors import SamefitError
from samefit.explain import suspects
from samefit.explain.case import Case, Counterfactual, Suspect
from samefit.types import Stage


def explaining(*names: str) -> Callable[[Case], Iterator[Suspect]]:
    def explain(case: Case) -> Iterator[Suspect]:
        for name in names:
            yield Suspect(name, name, counterfactuals=(Counterfactual(name, ({"do": "layer", "class": name},)),))

    return explain


def test_two_causes_that_act_at_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each alone: parts where it did. Both: all steps agree.
    found, bench = found_by(monkeypatch, explaining("precision", "model-config"), tmp_path, 1, 1, None)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("precision", True), ("model-config", True)]
    assert {cause.counterfactual for cause in found} == {
        "with precision, and model-config (neither alone is enough), all 8 steps are bit-identical"
    }
    assert [plan["class"] for plan in bench.executions[-1].transplants] == ["precision", "model-config"]


def test_a_variable_and_an_option_that_act_at_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explain_variable(case: Case) -> Iterator[Suspect]:
        yield Suspect("environment", "", counterfactuals=(Counterfactual("its value", environment={"THREADS": "2"}),))

    def explain(case: Case) -> Iterator[Suspect]:
        yield from explaining("model-config")(case)
        yield from explain_variable(case)

    found, bench = found_by(monkeypatch, explain, tmp_path, 1, 1, None)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", True), ("environment", True)]
    assert [plan["class"] for plan in bench.executions[-1].transplants] == ["model-config"]
    assert bench.executions[-1].environment["THREADS"] == "2"


def test_what_is_not_needed_is_no_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All three: agree. Without the first: parts. Without the second: agree.
    names = ("precision", "model-config", "loss-config")
    found, _ = found_by(monkeypatch, explaining(*names), tmp_path, 1, 1, 1, None, 1, None)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("precision", True), ("loss-config", True)]


def test_what_changes_nothing_together_either_is_no_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = found_by(monkeypatch, explaining("precision", "model-config"), tmp_path, 1, 1, 1)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("unknown", False)]


def test_a_cause_behind_two_that_act_at_one_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the two, the sides part at step 7, where nothing explains it; unchanged they part where they did.
    found, _ = found_by(monkeypatch, explaining("precision", "model-config"), tmp_path, 1, 1, 6, 6, 6, 6, 1)
    assert [(cause.slug, cause.confirmed) for cause in found] == [
        ("precision", True),
        ("model-config", True),
        ("unknown", False),
    ]


def test_a_run_that_fails_does_not_show_that_a_part_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("precision", "model-config", "loss-config")
    monkeypatch.setattr(suspects, "_DETECTORS", {Stage.FORWARD: (explaining(*names),)})
    a, b, *reruns = parting(tmp_path, None, 1, 1, 1, 1, None)
    found, _, _ = causes(a, b, *reruns, SamefitError("out of memory"))
    assert [cause.confirmed for cause in found] == [False]
