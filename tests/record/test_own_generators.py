"""Generators that stand in global names of the user's modules."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from samefit.record.own_generators import OwnGenerator, own_generators

SCRIPT = """
import random
import numpy as np

RNG = np.random.default_rng(0)
LEGACY: np.random.RandomState = np.random.RandomState(0)
OWN = random.Random(0)
SEED = 7
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[ModuleType]:
    file = tmp_path / "a_script_of_the_user.py"
    file.write_text(SCRIPT)
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[file.stem]


def of(module: ModuleType) -> dict[str, OwnGenerator]:
    found = (own for own in own_generators() if own.location is not None and own.location.file == module.__file__)
    return {own.name: own for own in found}


def test_they_are_found_with_their_lines(script: ModuleType) -> None:
    found = of(script)
    assert {name: own.kind for name, own in found.items()} == {
        "RNG": "numpy.Generator",
        "LEGACY": "numpy.RandomState",
        "OWN": "random.Random",
    }
    location = found["RNG"].location
    assert location is not None
    assert (location.line, location.code) == (5, "RNG = np.random.default_rng(0)")


@pytest.mark.parametrize("name", ["RNG", "LEGACY", "OWN"])
def test_a_draw_moves_that_one_alone(script: ModuleType, name: str) -> None:
    before = of(script)
    getattr(script, name).random() if name == "RNG" else getattr(script, name).uniform(0, 1)
    after = of(script)
    assert [other for other in before if before[other].state != after[other].state] == [name]
