"""Weights that the user set equal to others: what is equal when it is set stays equal when the other gets its place.

A target network, a mean teacher or an average begins as a copy of a network that samefit gave its values. A model
around both gives the network its place, and other values with it; the copies go along. Which weight a copy is of is
known by what was assigned: the weight itself, or the array that was read from it. Several weights may hold the same
values at that time (models that are built alike do), so values alone say it only where one weight of the same model
can be meant.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.pin.registry import Weight, digest


@dataclass
class _Assigned:
    """What the user assigned to a variable last, or made it with.

    Attributes:
        original: The weight that it was read from, maybe that of the variable itself; None if that is not known.
    """

    original: Weight | None = None


@dataclass
class Doubt:
    """A variable that holds the values of several weights of one model.

    Attributes:
        variable: The variable.
        originals: The weights that it may be a copy of.
        keys: The keys that these had.
    """

    variable: Any
    originals: list[Weight]
    keys: list[int | None] = field(init=False)

    def __post_init__(self) -> None:
        self.keys = [original.key for original in self.originals]

    @property
    def matters(self) -> bool:
        """Whether one of them has got other values since."""
        return self.keys != [original.key for original in self.originals]


class Copies:
    """Knows which variables are copies of which weights.

    Args:
        backend: Name of Keras's backend.
        entry_of: Returns what is known of a weight that may be random, or None.
    """

    def __init__(self, backend: str, entry_of: Callable[[Any], Weight | None]) -> None:
        self._adapter = backends.load(backend)
        self._entry_of = entry_of
        self._assigned: ByObject[_Assigned] = ByObject()
        self._arrays: ByObject[Weight] = ByObject()
        # The copies of each weight, by number of the weight and identity of the copy.
        self._copies: dict[int, dict[int, weakref.ref[Any]]] = {}
        self._moving = False

    def read(self, variable: Any, array: Any) -> None:
        """A variable was read: `array` holds its values."""
        original = self._original(variable)
        # TensorFlow gives a number where the variable has no dimensions: an object that Python may give twice.
        if original is not None and isinstance(array, np.ndarray):
            self._arrays.add(array, original)

    def assigned(self, variable: Any, value: Any) -> None:
        """The user assigned a value to a variable, or made it with that."""
        original = self._original(value) or self._arrays.get(value)
        self._note(variable, original)

    @contextlib.contextmanager
    def moving(self, variables: Iterable[Any]) -> Iterator[None]:
        """The framework gives variables other memory within; that alone says nothing of whose values they hold."""
        if self._moving:  # a module moves its parts
            yield
            return
        known = [(variable, entry) for variable in variables if (entry := self._entry_of(variable)) is not None]
        there = [(variable, entry) for variable, entry in known if entry.memory == self._memory(variable)]
        self._moving = True
        try:
            yield
        finally:
            self._moving = False
            for variable, entry in there:
                entry.memory = self._memory(variable)

    def _memory(self, variable: Any) -> int | None:
        # One that is being made now has no such attribute yet.
        return self._adapter.memory(getattr(variable, "_value", None))

    def find(self, variables: Iterable[Any]) -> list[Doubt]:
        """Looks among the variables of one model for copies of weights of it that were made on unknown ways.

        They may have been saved and loaded, or computed.

        Args:
            variables: All variables of the model.

        Returns:
            Those that may be copies of more than one of its weights.
        """
        given: dict[tuple[Any, ...], list[tuple[Any, Weight]]] = {}
        unknown = []
        for variable in variables:
            entry, known = self._entry_of(variable), self._assigned.get(variable)
            if entry is not None and not entry.explicit and entry.digest is not None:
                given.setdefault(_kind(variable), []).append((variable, entry))
            elif known is not None and known.original is None:
                unknown.append(variable)
        for kind, alike in given.items():
            given[kind], changed = self._changed(alike)
            unknown += changed
        doubts = []
        for variable in unknown:
            originals = given.get(_kind(variable))
            value = self._adapter.host_value(variable) if originals else None
            if not originals or value is None:
                continue
            its_digest = digest(value)
            equal = [entry for one, entry in originals if entry.digest == its_digest and self._holds(one, its_digest)]
            if equal:
                self._found(variable, equal[0] if len(equal) == 1 else None)
            if len(equal) > 1:
                doubts.append(Doubt(variable, equal))
        return doubts

    def _changed(self, alike: list[tuple[Any, Weight]]) -> tuple[list[tuple[Any, Weight]], list[Any]]:
        """Looks among weights of one kind for those that got other values or memory in a way that nobody saw.

        Those that share the memory of one before them are copies of that.

        Returns:
            The weights that are as they were, and the variables of those that are not.
        """
        if len(alike) == 1:
            return alike, []  # it has nobody to be a copy of
        first: dict[int, tuple[Any, Weight]] = {}
        left, changed = [], []
        for variable, entry in alike:
            memory = self._adapter.memory(variable._value)
            owner, original = (variable, entry) if memory is None else first.setdefault(memory, (variable, entry))
            elsewhere = self._adapter.memory_stays and memory != entry.memory
            if owner is not variable:
                self._found(variable, original)
            elif elsewhere or entry.digest is None or not self._holds(variable, entry.digest):
                changed.append(variable)
            else:
                left.append((variable, entry))
        return left, changed

    def _found(self, variable: Any, original: Weight | None) -> None:
        """Notes that a variable was found to be a copy, maybe not of which; it keeps its values, or goes along."""
        self._note(variable, original)
        entry = self._entry_of(variable)
        if entry is not None:
            entry.explicit = True

    def of(self, variable: Any, entry: Weight, value: Array) -> list[Any]:
        """Returns the variables that were set equal to a weight and still are.

        Args:
            variable: The weight.
            entry: What is known of it.
            value: Its value.
        """
        found = []
        for reference in list(self._copies.get(entry.number, {}).values()):
            copy = reference()
            known = None if copy is None else self._assigned.get(copy)
            if known is not None and known.original is entry and _kind(copy) == _kind(variable):
                found.append(copy)
        its_digest = digest(value) if found else b""
        return [copy for copy in found if self._holds(copy, its_digest)]

    def _original(self, thing: Any) -> Weight | None:
        """Returns the weight that a variable is, or is a copy of; None if it is neither."""
        known = self._assigned.get(thing)
        return self._entry_of(thing) if known is None else known.original

    def _note(self, variable: Any, original: Weight | None) -> None:
        known = self._assigned.get(variable)
        if known is None:
            known = _Assigned()
            self._assigned.add(variable, known)
        if known.original is not None and known.original is not original:
            self._forget(known.original.number, id(variable))
        known.original = original
        if original is None:
            return
        number, identity = original.number, id(variable)

        def gone(reference: weakref.ref[Any]) -> None:
            # Another variable may have got the identity meanwhile.
            if self._copies.get(number, {}).get(identity) is reference:
                self._forget(number, identity)

        self._copies.setdefault(number, {})[identity] = weakref.ref(variable, gone)

    def _forget(self, number: int, identity: int) -> None:
        copies = self._copies.get(number, {})
        copies.pop(identity, None)
        if not copies:
            self._copies.pop(number, None)

    def _holds(self, variable: Any, its_digest: bytes) -> bool:
        value = self._adapter.host_value(variable)
        return value is not None and digest(value) == its_digest


def _kind(variable: Any) -> tuple[Any, ...]:
    return tuple(variable._shape), variable._dtype
