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


def test_a_held_back_normal_number_of_numpy_counts_also_where_it_is_put_back() -> None:
    kept = np.random.get_state()
    try:
        np.random.seed(1)
        read = NumpyKey()
        keys = [read()]
        np.random.standard_normal()
        keys.append(read())
        held = np.random.get_state()
        np.random.standard_normal()
        keys.append(read())
        # No word of the twister moves: a number is held back again, that is all.
        np.random.set_state(held)
        assert None not in keys
        assert keys[0] != keys[1] != keys[2] != keys[0]
        assert read() == keys[1]
    finally:
        np.random.set_state(kept)


def test_of_a_kind_that_it_does_not_know_nothing_is_said() -> None:
    kept = np.random.get_bit_generator()
    try:
        read = NumpyKey()
        np.random.set_bit_generator(np.random.PCG64(3))
        assert read() is None
    finally:
        np.random.set_bit_generator(kept)
    assert read() is not None
