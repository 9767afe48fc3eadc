"""Random layers that several models share: each model trains as if the others had not been trained.

Augmentation is made once and used in the model of each fold: without this, the third fold would see what is left of the
seeds after two trainings. The trainings of one model go on counting, as those of Keras do.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.patches import pinning


@dataclass
class _Moved:
    """A seed state that trainings have moved.

    Attributes:
        begin: Where a model begins, shape `(2,)`.
        left: Where the last training left it.
        places: Where the last training of each model left it.
    """

    begin: Array
    left: Array
    places: weakref.WeakKeyDictionary[Any, Array] = field(default_factory=weakref.WeakKeyDictionary)


class SharedLayers:
    """Keeps account of how far each model has got with the seeds of its layers.

    Args:
        backend: Name of Keras's backend.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backends.load(backend)
        self._moved: ByObject[_Moved] = ByObject()

    def begin(self, model: Any) -> None:
        """Puts the seeds of a model's layers to where its own trainings left them, or to where they began.

        A seed that something else has moved since the last training (a loop of the user's, a state that the user
        wrote) is left alone.
        """
        for state in pinning.seed_states(model):
            moved, now = self._moved.get(state), self._value(state)
            if moved is None or now is None:
                continue
            if not np.array_equal(now, moved.left):
                self._moved.discard(state)
                continue
            wanted = moved.places.get(model, moved.begin)
            if not np.array_equal(now, wanted):
                self._backend.write(state, wanted)

    @contextlib.contextmanager
    def training(self, model: Any) -> Iterator[None]:
        """A `fit` of the model runs within."""
        found = {id(state): self._value(state) for state in pinning.seed_states(model)}
        try:
            yield
        finally:
            for state in pinning.seed_states(model):
                left = self._value(state)
                if left is None:
                    continue  # on JAX, after an exception: the state went with the step
                moved = self._moved.get(state)
                if moved is None or moved.begin[0] != left[0]:
                    begin = found.get(id(state))
                    if begin is None or begin[0] != left[0]:
                        # Made, or given its key, when the model was built meanwhile.
                        begin = np.array([left[0], 0], left.dtype)
                    moved = _Moved(begin, left)
                    self._moved.add(state, moved)
                moved.left = moved.places[model] = left

    def _value(self, state: Any) -> Array | None:
        value = self._backend.host_value(state)
        return None if value is None else value.copy()
