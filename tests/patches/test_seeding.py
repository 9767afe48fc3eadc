"""Frameworks that are imported inside of a scope, told with a stand-in for a framework."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from samefit import backends
from samefit.patches import seeding

NAME = "a_late_framework"


@pytest.fixture
def seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The seeds that the framework was given, in order."""
    (tmp_path / f"{NAME}.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    given: list[int] = []

    class Adapter:
        def seed(self, seed: int) -> None:
            given.append(seed)

    def load(name: str) -> Any:
        assert name == NAME
        return Adapter()

    monkeypatch.setattr(backends, "load", load)
    monkeypatch.setattr(seeding, "LATE", (NAME,))
    yield given
    sys.modules.pop(NAME, None)


def test_it_gets_the_seed_of_the_scope_and_the_outer_one_afterwards(seeds: list[int]) -> None:
    with seeding.frameworks_follow(5):
        with seeding.frameworks_follow(7):
            importlib.import_module(NAME)
            # Each scope is told; both give it the seed that was set last.
            assert {*seeds} == {7}
        assert seeds[-1] == 5
    assert seeds[-1] == 5


def test_what_is_there_already_or_never_comes_is_left_alone(seeds: list[int]) -> None:
    with seeding.frameworks_follow(5):
        pass
    importlib.import_module(NAME)
    with seeding.frameworks_follow(5):
        pass
    assert seeds == []


def test_an_import_that_is_carried_out_after_the_scope(seeds: list[int]) -> None:
    with seeding.frameworks_follow(5):
        spec = importlib.util.find_spec(NAME)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    assert seeds == []


def test_somebody_put_the_finders_back_meanwhile(seeds: list[int]) -> None:
    before = list(sys.meta_path)
    with seeding.frameworks_follow(5):
        sys.meta_path[:] = before
    assert sys.meta_path == before
    assert seeding._latest == []
