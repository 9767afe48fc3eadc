"""Keys of weights that are made outside of any `build`: they can be read, and used, before they have a place."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from samefit.patches import pin_initializers, pin_layers
from samefit.pin.keys import key


class Beginnings:
    """Gives such weights keys in the order in which they are made; a layer that is built or called gives them others.

    Args:
        seed: The seed of the scope.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made = 0
        self._adding = False

    @contextlib.contextmanager
    def adding(self, *, outside: bool) -> Iterator[None]:
        """A layer adds a weight within, which opens a name scope as its `build` does.

        Args:
            outside: Whether it does so outside of the `build` and the call of any layer.
        """
        before, self._adding = self._adding, outside
        try:
            yield
        finally:
            self._adding = before

    def key(self, initializer: Any) -> int | None:
        """Returns the key of the weight that is made now, or None.

        Within a `build` it gets a place soon. What is made by a function of Keras's is no weight here, but the state of
        a seed generator: those must not count.
        """
        if pin_initializers.is_function_of_keras(initializer) or (not self._adding and pin_layers.inside_a_layer()):
            return None
        self._made += 1
        return key(self._seed, "made", self._made - 1)
