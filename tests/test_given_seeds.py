"""Which function of a library was called by the user's line, and whether it was given a seed."""

from __future__ import annotations

import sys
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samefit.given_seeds import called_by_user, has_seed, name_of

LIBRARY = """
def split(x, frame, random_state=None):
    return inner(frame)

def inner(frame):
    return frame(0)

def checked(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

class Folds:
    def __init__(self, seed):
        self.seed = seed

    def split(self, frame):
        return inner(frame)
"""


@pytest.fixture
def library() -> Any:
    names: dict[str, Any] = {}
    exec(compile(LIBRARY, "/usr/lib/python3/site-packages/folds/split.py", "exec"), names)
    return SimpleNamespace(**names)


def frame(depth: int) -> FrameType:
    return sys._getframe(depth + 1)


def test_the_function_that_the_users_line_called(library: Any) -> None:
    for call in (library.split, library.checked(library.split)):
        found = called_by_user(call(3, frame))
        assert name_of(found) == "split"
    assert called_by_user(frame(0)) is None
    assert name_of(None) == ""


@pytest.mark.parametrize("seed", [7, np.int64(7), np.int32(7)])
def test_a_seed_that_was_given(library: Any, seed: Any) -> None:
    found = called_by_user(library.split(3, frame, random_state=seed))
    assert found is not None
    assert has_seed(found, 7)
    folds = called_by_user(library.Folds(seed).split(frame))
    assert folds is not None
    assert name_of(folds) == "Folds.split"
    assert has_seed(folds, 7)


class Hostile:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("seed", [None, 8, True, np.ones(3), Hostile()])
def test_a_seed_of_the_librarys_own(library: Any, seed: Any) -> None:
    found = called_by_user(library.split("x", frame, random_state=seed))
    assert found is not None
    assert not has_seed(found, 1)
