"""Entries go with their objects, and an identity that is used again belongs to the new object."""

from __future__ import annotations

import weakref

from samefit.by_object import ByObject


class Thing:
    """Compares by value, as a Keras variable does."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Closed:
    """Cannot be referred to weakly."""

    __slots__ = ()


def test_equal_objects_are_two() -> None:
    table: ByObject[int] = ByObject()
    first, second = Thing(), Thing()
    table.add(first, 1)
    assert table.get(second) is None
    table.add(second, 2)
    assert (table.get(first), table.get(second), table.made) == (1, 2, 2)


def test_a_new_entry_takes_the_place_of_the_old_one() -> None:
    table: ByObject[int] = ByObject()
    thing = Thing()
    table.add(thing, 1)
    table.add(thing, 2)
    assert (table.get(thing), table.made) == (2, 1)


def test_entries_go_with_their_objects() -> None:
    table: ByObject[Thing] = ByObject()
    entry = Thing()
    for _ in range(100):  # identities are used again and again
        thing = Thing()
        assert table.get(thing) is None
        table.add(thing, entry)
    assert table.made == 100
    held = weakref.ref(entry)
    del thing, entry
    assert held() is None


def test_what_has_no_weak_reference_is_kept() -> None:
    table: ByObject[int] = ByObject()
    for number in range(10):
        thing = Closed()
        assert table.get(thing) is None
        table.add(thing, number)
        assert table.get(thing) == number
