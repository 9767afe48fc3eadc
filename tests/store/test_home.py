"""Each set of runs has a directory of its own, outside of the user's version control."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit.errors import SamefitError
from samefit.store.home import HOME, new_directory


@pytest.fixture(autouse=True)
def _in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_two_at_one_time_are_two() -> None:
    first = new_directory("train")
    first.mkdir()
    second = new_directory("train")
    assert first != second
    assert first.parent == second.parent == Path(HOME)
    assert first.name.endswith("-train")


def test_it_keeps_itself_out_of_version_control() -> None:
    new_directory()
    assert (Path(HOME) / ".gitignore").read_text() == "*\n"


def test_what_the_user_ignores_there_stays() -> None:
    Path(HOME).mkdir()
    (Path(HOME) / ".gitignore").write_text("*.run\n")
    new_directory()
    assert (Path(HOME) / ".gitignore").read_text() == "*.run\n"


def test_a_file_in_its_place_is_named() -> None:
    Path(HOME).write_text("")
    with pytest.raises(SamefitError, match=r"'\.samefit' for the runs cannot be made"):
        new_directory()
