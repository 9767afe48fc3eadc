"""Who is told of an import, and when."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from samefit.patches.imports import Announcer, Held, announced

NAME = "a_framework_of_the_tests"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    (tmp_path / f"{NAME}.py").write_text("import builtins\nif builtins.broken:\n    raise RuntimeError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("builtins.broken", False, raising=False)
    told: list[str] = []
    announcer = Announcer({NAME: lambda: told.append(NAME)})
    sys.meta_path.insert(0, announcer)
    yield told
    sys.meta_path.remove(announcer)
    sys.modules.pop(NAME, None)


def test_each_import_is_told_when_it_has_ended(told: list[str]) -> None:
    importlib.import_module(NAME)
    assert told == [NAME]
    importlib.import_module(NAME)
    assert told == [NAME]
    # As `keras.config.set_backend` does with Keras.
    sys.modules.pop(NAME)
    importlib.import_module(NAME)
    assert told == [NAME, NAME]


def test_to_look_for_a_module_is_no_import(told: list[str]) -> None:
    assert importlib.util.find_spec(NAME) is not None
    assert told == []
    importlib.import_module(NAME)
    assert told == [NAME]


def test_an_import_that_fails_is_told_when_it_succeeds(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.broken", True)
    with pytest.raises(RuntimeError):
        importlib.import_module(NAME)
    assert told == []
    monkeypatch.setattr("builtins.broken", False)
    importlib.import_module(NAME)
    assert told == [NAME]


def test_an_import_is_told_to_the_outer_one_first(told: list[str]) -> None:
    with announced({NAME: lambda: told.append("inner")}):
        importlib.import_module(NAME)
    assert told == [NAME, "inner"]


def test_a_lazy_import_is_not_told_afterwards(told: list[str]) -> None:
    with announced({NAME: lambda: told.append("inner")}):
        found = importlib.util.find_spec(NAME)
    assert found is not None
    assert found.loader is not None
    found.loader.exec_module(importlib.util.module_from_spec(found))
    assert told == [NAME]


@pytest.mark.parametrize(("theirs", "replaced"), [("torch", "torch"), (None, ""), ("jax", None)])
def test_a_variable_is_as_it_was_asked_for_when_the_module_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str | None, replaced: str | None
) -> None:
    for name in ("reads_it", "does_not"):
        (tmp_path / f"{name}.py").write_text("import os\nseen = os.environ.get('THE_VARIABLE')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("THE_VARIABLE", raising=False)
    if theirs is not None:
        monkeypatch.setenv("THE_VARIABLE", theirs)
    held = Held("reads_it", "THE_VARIABLE", "jax")
    monkeypatch.setattr(sys, "meta_path", [held, *sys.meta_path])
    assert importlib.import_module("does_not").seen == theirs
    assert held.replaced is None
    assert importlib.import_module("reads_it").seen == "jax"
    assert held.replaced == replaced
    for name in ("reads_it", "does_not"):
        del sys.modules[name]
