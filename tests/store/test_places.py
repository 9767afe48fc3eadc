from __future__ import annotations

import pytest

from samefit.store.places import Places


def test_steps_of_some_trainings_are_found_by_position() -> None:
    places = Places([(1, 0, 3), (3, 5, 7), (3, 9, 10), (1, 10, 12)])
    assert list(places) == [0, 1, 2, 5, 6, 9, 10, 11]
    assert [places.training(p) for p in range(len(places))] == [1, 1, 1, 3, 3, 3, 1, 1]
    assert list(places.beginnings()) == [0, 3, 6]
    # The first training goes on after another one that ran within it.
    assert [places.ends(p) for p in range(len(places))] == [False] * 5 + [True, False, True]
    assert places[-1] == 11
    assert list(places[1:4]) == [1, 2, 5]
    assert list(places.positions([2, 3, 4, 5, 8, 9, 11, 12])) == [2, 3, 5, 7]


@pytest.mark.parametrize("position", [0, 1, -1])
def test_without_steps_there_is_no_position(position: int) -> None:
    places = Places([])
    assert not list(places.beginnings())
    with pytest.raises(IndexError, match="of 0 steps"):
        places[position]


def test_trainings_that_took_turns_can_be_told_one_after_the_other() -> None:
    places = Places([(2, 1, 2), (2, 4, 6), (1, 0, 1), (1, 2, 4)])
    assert list(places) == [1, 4, 5, 0, 2, 3]
    assert list(places.beginnings()) == [0, 3]
    assert list(places.positions([0, 1, 3, 5, 7])) == [3, 0, 5, 2]
    # For a position the run must have come to all steps before it.
    assert [places.steps_up_to(number) for number in range(1, 7)] == [2, 5, 6, 6, 6, 6]
