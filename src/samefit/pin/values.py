"""Writes the values that belong to keys into weights and seed generators, unless the user chose others."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.patches import pin_layers
from samefit.pin.copies import Copies
from samefit.pin.evaluation import Evaluation
from samefit.pin.registry import Generator, Weight, digest


class Values:
    """Gives weights and seed generators the values of their keys.

    Args:
        backend: Name of Keras's backend.
        evaluation: Runs initialisers under a key.
        copies: Knows what the user set equal to a weight.
    """

    def __init__(self, backend: str, evaluation: Evaluation, copies: Copies) -> None:
        self._adapter = backends.load(backend)
        self._evaluation = evaluation
        self._copies = copies
        # What got its key in a phase in which Keras changes no variable, and gets its value after that.
        self._late: list[tuple[weakref.ref[Any], Weight | Generator]] = []

    def pin_weight(self, variable: Any, entry: Weight, its_key: int) -> None:
        """Gives a weight its key, and the value of it."""
        if entry.explicit or entry.key == its_key:
            return
        if variable._value is None:
            entry.key = its_key
        elif pin_layers.in_stateless_scope():
            entry.key = its_key
            self._late.append((weakref.ref(variable), entry))
        elif entry.keras or entry.drew:
            self._write(variable, entry, its_key)

    def pin_generator(self, generator: Any, entry: Generator, its_key: int) -> None:
        """Gives a seed generator its key, and the state that begins with it."""
        if entry.explicit or entry.key == its_key:
            return
        pin_layers.use_own_seed(generator, its_key)
        if generator.state._value is None or pin_layers.in_stateless_scope():
            entry.key, entry.word = its_key, its_key
            self._late.append((weakref.ref(generator), entry))
            return
        value = self._adapter.host_value(generator.state)
        if value is not None and entry.word is not None and int(value[0]) != entry.word:
            return  # the user put another state there
        entry.key, entry.word = its_key, its_key
        self._adapter.write(generator.state, np.array([its_key, 0]))

    def write_late(self) -> None:
        """Writes what could not be written when it got its key."""
        late, self._late = self._late, []
        for reference, entry in late:
            thing = reference()
            if thing is None or entry.key is None:
                continue
            if isinstance(entry, Weight):
                self._write(thing, entry, entry.key)
            else:
                self._adapter.write(thing.state, np.array([entry.word, 0]))

    def first(self, variable: Any, entry: Weight) -> Array | None:
        """Returns the value that belongs to the key of a weight, or None if it has none."""
        if entry.key is None or entry.explicit or not (entry.keras or entry.drew):
            return None
        return self._computed(variable, entry, entry.key)

    def _write(self, variable: Any, entry: Weight, its_key: int) -> None:
        value = self._adapter.host_value(variable)
        if value is not None and entry.digest is not None and digest(value) != entry.digest:
            return  # assigned, loaded or trained: it is the user's
        copies = [] if value is None else self._copies.of(variable, entry, value)
        entry.key = its_key
        computed = self._computed(variable, entry, its_key)
        for one in (variable, *copies):
            self._adapter.write(one, computed)
        entry.was_given(self._adapter.host_value(variable), self._adapter.memory(variable._value))

    def _computed(self, variable: Any, entry: Weight, its_key: int) -> Array:
        def make() -> Any:
            return self._evaluation.evaluate(entry, its_key, tuple(variable._shape), variable._dtype)

        made = self._adapter.evaluated(make)
        return self._adapter.to_numpy(make()) if made is None else made
