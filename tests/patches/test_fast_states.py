from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from samefit.patches.fast_states import NumpyKey, python_key

DRAWS: list[Callable[[Any], Any]] = [
    lambda g: g.random(),
    lambda g: g.getrandbits(8),
    lambda g: g.gauss(0, 1),
    lambda g: g.seed(3),
    lambda g: g.shuffle([1, 2, 3]),
]


@pytest.mark.parametrize("draw", range(len(DRAWS)))
def test_a_python_generator_that_draws_has_another_key(draw: int) -> None:
    generator = random.Random(1)
    read = python_key(generator)
    assert read is not None
    before = read()
    assert read() == before
    DRAWS[draw](generator)
    assert read() != before


def test_a_python_generator_that_has_used_up_all_its_words_has_another_key() -> None:
    generator = random.Random(1)
    read = python_key(generator)
    assert read is not None
    before, position = read(), generator.getstate()[1][-1]
    for _ in range(624):
        generator.getrandbits(32)
    assert generator.getstate()[1][-1] == position
    assert read() != before


def test_a_held_back_normal_number_of_python_counts() -> None:
    generator = random.Random(1)
    read = python_key(generator)
    assert read is not None
    generator.gauss(0, 1)
    before = read()
    generator.gauss(0, 1)
    assert read() != before


def test_numpys_generator_has_another_key_once_it_moves() -> None:
    kept = np.random.get_state()
    try:
        np.random.seed(1)
        read = NumpyKey()
        before = read()
        assert before is not None
        assert read() == before
        np.random.rand()
        assert read() not in (None, before)
    finally:
        np.random.set_state(kept)


def test_numpys_generator_has_another_key_when_it_has_used_up_all_its_words() -> None:
    kept = np.random.get_state()
    try:
        np.random.seed(1)
        read = NumpyKey()
        before, position = read(), np.random.get_state()[2]
        np.random.bytes(4 * 624)
        assert np.random.get_state()[2] == position
        assert read() not in (None, before)
    finally:
        np.random.set_state(kept)


def test_a_held_back_normal_number_of_numpy_is_never_taken_for_rest() -> None:
    kept = np.random.get_state()
    try:
        np.random.seed(1)
        read = NumpyKey()
        np.random.standard_normal()
        assert read() is None
        np.random.standard_normal()
        assert read() is not None
        np.random.standard_normal()
        assert read() is None
    finally:
        np.random.set_state(kept)
