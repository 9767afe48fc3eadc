"""Passes over data that train nothing: `evaluate`, `predict` and their kind.

They leave the generators and the seeds of the model as they found them, so that they shift no training. One after the
other they go on drawing all the same: a `predict` with dropout in it (Monte Carlo dropout) gives other values each
time, as it does without a scope.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from samefit.by_object import ByObject
from samefit.patches import pinning
from samefit.pin.isolation import Generators


class Passes:
    """Keeps passes away from trainings.

    Args:
        generators: The generators of the process.
    """

    def __init__(self, generators: Generators) -> None:
        self._generators = generators
        self._last: ByObject[tuple[_Place, _Place]] = ByObject()

    @contextlib.contextmanager
    def one(self, model: Any, *, in_training: bool) -> Iterator[None]:
        """Within, `model` runs over data.

        Args:
            model: The model.
            in_training: Whether a training runs meanwhile (validation, a callback): how often the model ran before
                must not change what it gives then, because callbacks act on that.
        """
        pinning.take_state_back(model)
        found = self._place(model)
        last = None if in_training else self._last.get(model)
        if last is not None and _same(last[0], found):
            self._go(model, last[1])
        try:
            yield
        finally:
            ended = self._place(model)
            self._go(model, found)
            if not in_training:
                # What the pass itself has built is a part of the place from now on.
                self._last.add(model, (self._place(model), ended))

    def begin_anew(self, model: Any) -> None:
        """The model is trained: passes after that do not go on where those before it ended."""
        self._last.discard(model)

    def _place(self, model: Any) -> _Place:
        return self._generators.seeds_of(model), self._generators.mark()

    def _go(self, model: Any, place: _Place) -> None:
        seeds, mark = place
        self._generators.put_seeds_back(model, seeds)
        self._generators.return_to(mark)


_Place = tuple[dict[int, Any], tuple[Any, ...]]
"""Where the seeds of a model and all generators of the process stand."""


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Mapping):
        return isinstance(other, Mapping) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, tuple) and one and isinstance(one[0], int):
        return bool(one == other)  # hundreds of numbers of Python's generator
    if isinstance(one, (list, tuple)):
        return isinstance(other, (list, tuple)) and len(one) == len(other) and all(map(_same, one, other))
    if hasattr(one, "__array__"):
        return hasattr(other, "__array__") and np.array_equal(np.asarray(one), np.asarray(other))
    return bool(one == other)
