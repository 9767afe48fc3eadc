"""What is known of objects that are not ours, without keeping them alive."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Entry = TypeVar("Entry")


class ByObject(Generic[Entry]):
    """Entries by object, for objects that cannot be keys (a variable compares by value); they go with the objects.

    An object that cannot be referred to weakly is kept: its identity must not be given to another one.

    Attributes:
        made: How many objects were noted, those that are gone by now included.
    """

    def __init__(self) -> None:
        self._entries: dict[int, tuple[Callable[[], Any], Entry]] = {}
        self.made = 0

    def add(self, thing: Any, entry: Entry) -> None:
        """Notes an object, or a new entry of one that is known."""
        if self.get(thing) is None:
            self.made += 1
        self._entries[id(thing)] = (self._reference(thing), entry)

    def get(self, thing: Any) -> Entry | None:
        """Returns the entry of an object, or None."""
        found = self._entries.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None

    def things(self) -> list[Any]:
        """Returns the objects that are there."""
        return [thing for reference, _ in list(self._entries.values()) if (thing := reference()) is not None]

    def discard(self, thing: Any) -> None:
        """Forgets the entry of an object, if it has one."""
        if self.get(thing) is not None:
            del self._entries[id(thing)]

    def _reference(self, thing: Any) -> Callable[[], Any]:
        identity = id(thing)

        def gone(reference: weakref.ref[Any]) -> None:
            # Another object may have got the identity meanwhile.
            if identity in self._entries and self._entries[identity][0] is reference:
                del self._entries[identity]

        try:
            return weakref.ref(thing, gone)
        except TypeError:
            return lambda: thing
