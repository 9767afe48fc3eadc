"""What of a model was made before the scope was entered, and has values that nobody chose.

Nobody saw how it was made. But an initialiser without a seed keeps the one that it drew, and makes the same values
again: a weight that still has them was neither loaded nor assigned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.patches import dataflow, pin_initializers, pin_layers

_FEW = 16
"""How many values a weight has at least that is compared up to a factor."""


class Outside:
    """Finds the parts of models that were made before the scope was entered.

    Args:
        backend: Name of Keras's backend.
        inside: Says whether a variable or a `SeedGenerator` was made in the scope.
    """

    def __init__(self, backend: str, inside: Callable[[Any], bool]) -> None:
        self._backend = backends.load(backend)
        self._inside = inside

    def weights(self, model: Any, trained_inside: Iterable[Any]) -> list[Any]:
        """Returns the layers with weights that were made at random, and the models that were trained.

        Args:
            model: A model that is about to be trained.
            trained_inside: The models that were trained in the scope.
        """
        layers = model._flatten_layers()
        found = [layer for layer in layers if any(self._random(layer, weight) for weight in self._weights(layer))]
        trained = [layer for layer in layers if pin_layers.was_fitted(layer) and layer not in trained_inside]
        return found + [one for one in trained if any(map(self._weights, one._flatten_layers()))]

    def seeds(self, model: Any) -> list[tuple[Any, Any, Array | None]]:
        """Returns the layers with a `SeedGenerator` that has no seed of the user's, the generator, and its state."""
        return [
            (layer, generator, self._state(generator))
            for layer in model._flatten_layers()
            for generator in dataflow.own_generators(layer)
            if not self._inside(generator) and not pin_layers.has_own_seed(generator)
        ]

    def drew(self, generator: Any, before: Array | None) -> bool:
        """Says whether a generator has moved since it had a state."""
        now = self._state(generator)
        return before is None or now is None or not np.array_equal(before, now)

    def _state(self, generator: Any) -> Array | None:
        value = self._backend.host_value(generator.state)
        return None if value is None else value.copy()

    def _weights(self, layer: Any) -> list[Any]:
        return [weight for weight in dataflow.own_variables(layer) if not self._inside(weight)]

    def _random(self, layer: Any, weight: Any) -> bool:
        """Says whether the value of a weight comes from an initialiser without a seed, as far as can be known."""
        value = self._backend.host_value(weight)
        if value is None or np.all(value == value.flat[:1]):
            return False
        initializers = pin_initializers.initializers_of(layer)
        if not initializers:
            # Only what is trained: the statistics of a `Normalization`, the table of a lookup are made from data.
            return any(weight is one for one in layer._trainable_variables)
        shape, dtype = tuple(weight._shape), weight._dtype
        # One whose `__call__` is the user's may draw from anywhere; that must not be run once more.
        unseeded = [one for one in initializers if pin_initializers.is_unseeded(one)]
        keras = [one for one in unseeded if pin_initializers.wanted(one, shape) is not None]
        return any(_alike(value, self._backend.to_numpy(one(shape, dtype=dtype))) for one in keras)


def _alike(value: Array, made: Array) -> bool:
    """Says whether two arrays are equal, or but for a factor: `EinsumDense` scales what its initialiser makes."""
    if np.array_equal(value, made):
        return True
    wide, other = value.astype("float64"), made.astype("float64")
    return value.size >= _FEW and np.allclose(wide / abs(wide).max(), other / abs(other).max(), rtol=0, atol=1e-2)
