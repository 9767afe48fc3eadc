"""The seeds of pools and processes."""

from __future__ import annotations

from samefit.pin.places import Places


def drawn(places: Places) -> list[int]:
    return [places.of_next_pool(), places.of_next_pool(), places.of_next_process(), places.of_next_process()]


def test_each_has_another_one_and_the_same_after_each_seeding() -> None:
    places = Places()
    places.begin(1)
    first = drawn(places)
    assert len({*first, *drawn(places)}) == 8
    places.begin(1)
    assert drawn(places) == first
    places.begin(2)
    assert not {*drawn(places)} & {*first}


def test_it_goes_on_where_it_was() -> None:
    places = Places()
    places.begin(1)
    state = places.getstate()
    first = drawn(places)
    places.setstate(state)
    assert drawn(places) == first


def test_processes_do_not_move_pools() -> None:
    one, other = Places(), Places()
    other.of_next_process()
    assert one.of_next_pool() == other.of_next_pool()
