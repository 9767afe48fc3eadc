"""Numbers of layers that get their positions one by one, without a model that orders them."""

from __future__ import annotations

import itertools
import weakref
from typing import Any


class Numbers:
    """Gives each layer the lowest number that is free.

    A layer that a model takes in gives its number back, so that the others do not depend on the models of a script.
    That of a layer that is gone stays taken: what happens next must not depend on when Python collects its garbage.
    """

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self._of: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def of(self, layer: Any) -> int:
        """Returns the number of a layer; it gets one if it has none."""
        number = self._of.get(layer)
        if number is None:
            number = self._of[layer] = next(n for n in itertools.count() if n not in self._taken)
            self._taken.add(number)
        return number

    def free(self, layer: Any) -> None:
        """Takes back the number of a layer, if it has one."""
        self._taken.discard(self._of.pop(layer, -1))


class OneByOne:
    """Positions of layers that get theirs one by one.

    Args:
        prefix: The kind of the positions.

    Attributes:
        weights: Numbers of the layers with weights.
        generators: Numbers of the layers with seed generators.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.weights = Numbers()
        self.generators = Numbers()

    def free(self, layer: Any) -> None:
        """Takes back the numbers of a layer."""
        self.weights.free(layer)
        self.generators.free(layer)
