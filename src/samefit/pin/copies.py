"""Weights that the user set equal to others: what is equal when it is set stays equal when the other gets its place.

A target network, a mean teacher or an average begins as a copy of a network that samefit gave its values. A model
around both gives the network its place, and other values with it; the copies go along. Which weight a copy is of is
known by what was assigned: the weight itself, or the array that was read from it. Several weights may hold the same
values at that time (models that are built alike do), so values alone say it only where one weight of the same model
can be meant.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
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

    def read(self, variable: Any, array: Any) -> None:
        """A variable was read: `array` holds its values."""
        original = self._original(variable)
        # TensorFlow gives a number where the variable has no dimensions: an object that Python may give twice.
        if original is not None and isinstance(array, np.ndarray):
            self._arrays.add(array, original)

    def assigned(self, variable: Any, value: Any) -> None:
        """The user assigned a value to a variable, or made it with that."""
        original = self._original(value) or self._arrays.get(value)
        known = self._assigned.get(variable)
        if known is None:
            known = _Assigned()
            self._assigned.add(variable, known)
        self._note(variable, known, original)

    def find(self, variables: Iterable[Any]) -> list[Doubt]:
        """Looks among the variables of one model for copies of weights of it that were made on unknown ways.

        They may have been saved and loaded, or computed.

        Args:
            variables: All variables of the model.

        Returns:
            Those that may be copies of more than one of its weights.
        """
        variables = list(variables)
        unknown = [(v, known) for v in variables if (known := self._assigned.get(v)) and known.original is None]
        if not unknown:
            return []
        given: dict[tuple[Any, ...], list[tuple[Any, Weight]]] = {}
        for variable in variables:
            entry = self._entry_of(variable)
            if entry is not None and not entry.explicit and entry.digest is not None:
                given.setdefault(_kind(variable), []).append((variable, entry))
        doubts = []
        for variable, known in unknown:
            alike = given.get(_kind(variable))
            value = self._adapter.host_value(variable) if alike else None
            if not alike or value is None:
                continue
            its_digest = digest(value)
            originals = [entry for one, entry in alike if entry.digest == its_digest and self._holds(one, its_digest)]
            if len(originals) == 1:
                self._note(variable, known, originals[0])
            elif originals:
                doubts.append(Doubt(variable, originals))
        return doubts

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

    def _note(self, variable: Any, known: _Assigned, original: Weight | None) -> None:
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
