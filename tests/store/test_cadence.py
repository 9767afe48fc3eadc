"""After which steps states are recorded."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from samefit.store.cadence import LARGEST_GAP, first_steps, is_recorded, num_passed_over

SIZES = st.integers(0, 10**10)


def recorded(first: int, end: int = 2_000) -> list[int]:
    return [step for step in range(1, end + 1) if is_recorded(step, first)]


def test_the_gap_doubles_as_the_steps_do() -> None:
    assert recorded(4, 40) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]


@given(SIZES, SIZES)
def test_the_first_steps_are_all_recorded(elements: int, variables: int) -> None:
    first = first_steps(elements, variables)
    assert recorded(first, first) == list(range(1, first + 1))


@given(SIZES, SIZES, SIZES)
def test_of_two_models_the_larger_one_has_no_steps_of_its_own(one: int, other: int, variables: int) -> None:
    few, many = sorted((first_steps(one, variables), first_steps(other, variables)))
    assert set(recorded(few)) <= set(recorded(many))


@given(SIZES, SIZES)
def test_the_gap_has_a_limit(elements: int, variables: int) -> None:
    steps = recorded(first_steps(elements, variables), 10_000)
    gaps = [later - earlier for earlier, later in itertools.pairwise(steps)]
    assert max(gaps) == LARGEST_GAP


def test_a_small_model_is_recorded_longer_than_a_large_one() -> None:
    assert first_steps(80_000, 20) == 64
    assert first_steps(28_000_000, 26) == 4


@given(SIZES, SIZES)
def test_a_step_after_which_weights_are_recorded_is_not_passed_over(elements: int, variables: int) -> None:
    first = first_steps(elements, variables)
    assert not any(num_passed_over(step - 1, first) for step in recorded(first, 5_000))


def test_of_the_first_steps_none_is_passed_over_and_of_the_others_not_all() -> None:
    read = [step for step in range(1, 3_000) if not num_passed_over(step - 1, 64)]
    assert read[:1024] == list(range(1, 1025))
    assert {later - earlier for earlier, later in itertools.pairwise(read[1023:])} == {8}


def test_of_a_large_model_no_step_is_passed_over() -> None:
    assert not any(num_passed_over(step - 1, 32) for step in range(1, 3_000))
