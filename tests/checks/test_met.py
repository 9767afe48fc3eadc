"""When a re-run did change what it was to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.handmade import Training, dense, make_run

from samefit.checks.met import not_met
from samefit.store.reader import Run


def outcome(met: str, do: str = "fit", missing: tuple[str, ...] = (), at: str | None = None) -> dict[str, Any]:
    return {"do": do, "at": at, "met": met, "missing": list(missing)}


def rerun(path: Path, *outcomes: dict[str, Any], status: str = "complete") -> Run:
    manifest = {"transplants": list(outcomes)}
    return make_run(path, layers=[dense(2, 2)], trainings=[Training()], manifest=manifest, status=status)


ALL, NONE = outcome("all"), outcome("none")
PART = outcome("part", "weights", ("dense/kernel",))
EPOCHS = [outcome(met, "generators", at="epoch") for met in ("all", "none", "part")]


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ([ALL, ALL], ""),
        ([ALL, NONE], "met only in part in the re-run"),
        ([NONE, NONE], "not met in the re-run"),
        ([ALL, PART], "met only in part in the re-run (not: weights dense/kernel)"),
        ([ALL], "met only in part in the re-run"),
        ([], "not met in the re-run"),
        (EPOCHS[:2], ""),
        ([outcome("all", at="draw"), outcome("none", at="draw")], ""),
        ([EPOCHS[1], EPOCHS[1]], "not met in the re-run"),
        ([EPOCHS[0], EPOCHS[2]], "met only in part in the re-run"),
    ],
)
def test_all_of_a_plan_has_to_be_met(tmp_path: Path, outcomes: list[dict[str, Any]], expected: str) -> None:
    found = not_met([rerun(tmp_path / "a", *outcomes)], [0], 2)
    assert found == (f"what was to be changed was {expected}" if expected else "")


def test_what_was_changed_for_an_earlier_cause_is_not_asked_again(tmp_path: Path) -> None:
    assert not not_met([rerun(tmp_path / "a", PART, ALL)], [1], 1)
    assert not not_met([rerun(tmp_path / "b", PART)], [1], 0)


def test_what_both_sides_get_is_met_on_one_of_them(tmp_path: Path) -> None:
    a, b = rerun(tmp_path / "a", PART, ALL, NONE), rerun(tmp_path / "b", NONE, ALL)
    assert not not_met([a, b], [1, 0], 2)
    c = rerun(tmp_path / "c", NONE, PART)
    assert not_met([b, c], [0, 0], 2).endswith("(not: weights dense/kernel)")


def test_a_rerun_that_is_ended_early_takes_the_first_of_what_is_handed_out(tmp_path: Path) -> None:
    seeds = outcome("part", "seeds", ("7",))
    assert not not_met([rerun(tmp_path / "a", seeds, status="stopped")], [0], 1)
    assert not_met([rerun(tmp_path / "b", seeds)], [0], 1).endswith("(not: seeds 7)")
    assert not_met([rerun(tmp_path / "c", PART, status="stopped")], [0], 1)
