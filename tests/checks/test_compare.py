"""Recorded runs are compared where neither their script nor their directory is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.handmade import Change, Training, make_run

import samefit
from samefit.checks import compare
from samefit.errors import SelectionError
from samefit.store.reader import Run
from samefit.types import Verdict


def two(tmp_path: Path, **manifest: object) -> tuple[str, str]:
    make_run(tmp_path / "a", manifest=manifest).close()
    make_run(tmp_path / "b", manifest=manifest, changes=(Change("batch", 2),)).close()
    return str(tmp_path / "a"), str(tmp_path / "b")


@pytest.mark.parametrize("target", ["gone.py", "Recorder('first.run')", "train.py:a ; train.py:b"])
def test_no_script_is_needed(tmp_path: Path, target: str) -> None:
    paths = two(tmp_path, target=target)
    with Run.open(paths[0]) as a, Run.open(paths[1]) as b:
        for result in (compare(*paths), compare(a, b), samefit.compare(*paths)):
            assert result.verdict is Verdict.DIVERGED
            assert [cause.confirmed for cause in result.causes] == [False]


def test_two_trainings_of_one_run(tmp_path: Path) -> None:
    make_run(tmp_path / "run", trainings=(Training((4,)), Training((4,)))).close()
    result = compare(f"{tmp_path / 'run'}#1", f"{tmp_path / 'run'}#2")
    assert result.verdict is Verdict.DIVERGED
    assert (result.baseline.trainings, result.candidate.trainings) == ((1,), (2,))


def test_a_re_run_needs_the_directory(tmp_path: Path) -> None:
    runs = two(tmp_path, cwd=str(tmp_path / "gone"), target="train.py")
    with pytest.raises(SelectionError, match="which is not there any more"):
        compare(*runs, confirm=True)


def test_a_re_run_needs_one_directory(tmp_path: Path) -> None:
    make_run(tmp_path / "a", manifest={"cwd": "/one"}).close()
    make_run(tmp_path / "b", manifest={"cwd": "/two"}, changes=(Change("batch", 2),)).close()
    with pytest.raises(SelectionError, match="made in /one and /two"):
        compare(str(tmp_path / "a"), str(tmp_path / "b"), confirm=True)
