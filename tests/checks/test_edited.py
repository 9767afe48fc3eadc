"""A side that is no longer what was recorded (edited code, another version) proves nothing when it runs again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.checks.test_confirm import Bench, causes, run_of
from tests.explain.cases import at, case_between, found, texts
from tests.handmade import Change, Training, make_run

from samefit.checks.execution import Execution
from samefit.checks.pair import Pair, Part
from samefit.checks.rerun import again as run_again
from samefit.checks.rerun import unchanged as run_unchanged
from samefit.comparison.result import Cause
from samefit.explain.case import Counterfactual
from samefit.store.reader import Run

OTHER = (Change("batch"), Change("rows"))
EDITED = ({"code": {"train.py": "old"}}, {"code": {"train.py": "new"}})
UPGRADED = ({"versions": {"keras": "3.14.0"}}, {"versions": {"keras": "3.15.1"}})
GONE = "the baseline cannot be run again as it was: "


def recorded(path: Path, manifest: dict[str, Any], digest: str, changes: Any = ()) -> Run:
    options = {"batch_size": 32, "x": {"type": "ndarray", "digest": digest, "shape": [96, 4]}}
    manifest = {"hash_seed": "random", "target": "train.py", **manifest}
    return make_run(path, trainings=[Training(options=options, location=at(9))], changes=changes, manifest=manifest)


def found_of(tmp_path: Path, old: dict[str, Any], new: dict[str, Any]) -> tuple[tuple[Cause, ...], Bench]:
    """Returns the causes where data differ, and whatever runs again is the program of today."""
    a, b = recorded(tmp_path / "a", old, "aa"), recorded(tmp_path / "b", new, "bb", OTHER)
    today = [recorded(tmp_path / f"run-{number}", new, "bb", OTHER) for number in range(12)]
    found, bench, _ = causes(a, b, *today)
    return found, bench


@pytest.mark.parametrize(
    ("manifests", "why"),
    [(EDITED, "train.py was edited since"), (UPGRADED, "keras was 3.14.0, and is 3.15.1")],
    ids=["edited", "upgraded"],
)
def test_two_runs_of_todays_program_that_agree_confirm_nothing(
    tmp_path: Path, manifests: tuple[dict[str, Any], dict[str, Any]], why: str
) -> None:
    found, _ = found_of(tmp_path, *manifests)
    assert [(cause.slug, cause.confirmed) for cause in found] == [("data-content", False)]
    assert found[0].unconfirmed_because.endswith(GONE + why)


@pytest.mark.parametrize(
    "fix",
    [
        Counterfactual("", both=({"do": "determinism"},)),
        Counterfactual("", environment_both={"PYTHONHASHSEED": "0"}),
        Counterfactual("", data=True),
        Counterfactual("", ({"do": "weights", "from": "", "arrays": "state-3"},), keep=3),
        Counterfactual("", ({"do": "weights", "from": "b", "arrays": "state-3"},), of_baseline=True),
    ],
    ids=["both", "environment", "data", "kept", "of the baseline"],
)
def test_whatever_runs_the_baseline_again_says_that_it_was_edited(tmp_path: Path, fix: Counterfactual) -> None:
    old, new = (recorded(tmp_path / name, EDITED[name == "b"], "aa") for name in "ab")
    pair = Pair(Part(old), Part(new), Execution(()), Execution(()))
    bench = Bench(*(recorded(tmp_path / f"run-{number}", EDITED[1], "aa") for number in range(3)))
    assert run_again(pair, fix, bench, lambda result: False) == f"{GONE}train.py was edited since"  # type: ignore[arg-type]


def test_a_candidate_that_was_edited_since_proves_nothing(tmp_path: Path) -> None:
    a = run_of(tmp_path / "a", code={"a.py": "one"})
    b = run_of(tmp_path / "b", Change("loss"), activation="gelu", code={"b.py": "one"})
    found, _, _ = causes(a, b, run_of(tmp_path / "again", code={"b.py": "two"}))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", False)]
    assert "the candidate cannot be run again as it was: b.py was edited since" in found[0].unconfirmed_because


@pytest.mark.parametrize("again", [run_again, lambda pair, fix, bench, _: run_unchanged(pair, fix, bench)])
@pytest.mark.parametrize("both", [False, True])
def test_a_rerun_that_was_not_recorded_proves_nothing(tmp_path: Path, both: bool, again: Any) -> None:
    failed = run_of(tmp_path / "failed", recording_failed="OSError: disk full")
    pair = Pair(
        Part(run_of(tmp_path / "a")), Part(run_of(tmp_path / "b", Change("loss"))), Execution(()), Execution(())
    )
    bench = Bench(*([run_of(tmp_path / "again")] if both else []), failed)
    fix = Counterfactual("", environment_both={"PYTHONHASHSEED": "0"} if both else {})
    assert again(pair, fix, bench, lambda result: False) == (
        "the candidate was not recorded when it ran again (OSError: disk full)"
    )


def test_what_one_run_alone_has_of_the_manifest_was_not_edited(tmp_path: Path) -> None:
    """A run that ended early has not imported everything."""
    a = run_of(tmp_path / "a", versions={"keras": "3.15.1", "torch": "2.9"}, code={"a.py": "one"})
    b = run_of(tmp_path / "b", Change("loss"), activation="gelu", code={"b.py": "one", "helper.py": "one"})
    found, _, _ = causes(a, b, run_of(tmp_path / "again", versions={"keras": "3.15.1"}, code={"b.py": "one"}))
    assert [(cause.slug, cause.confirmed) for cause in found] == [("model-config", True)]


def test_edited_code_and_other_versions_stand_below_data_that_differ(tmp_path: Path) -> None:
    manifests = [{**code, **versions} for code, versions in zip(EDITED, UPGRADED, strict=True)]
    runs = [recorded(tmp_path / name, manifests[name == "b"], name, OTHER if name == "b" else ()) for name in "ab"]
    of_data, other = (s for s in found(case_between(*runs)) if s.weak)
    lines = ["keras: 3.14.0 and 3.15.1", "train.py was edited between the two runs"]
    assert (of_data.slug, texts(of_data).splitlines()[-2:]) == ("data-content", lines)
    assert (other.slug, other.counterfactuals, texts(other).splitlines()) == ("environment", (), lines)


def test_the_same_code_and_versions_are_no_suspect_of_data_that_differ(tmp_path: Path) -> None:
    runs = [recorded(tmp_path / name, {}, name, OTHER if name == "b" else ()) for name in "ab"]
    assert not [s for s in found(case_between(*runs)) if s.slug == "environment" and s.weak]
