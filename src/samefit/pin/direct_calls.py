"""Calls of a model or a layer by the user: what they draw is put back when a training of the model begins.

`model(x)` before `fit`, to build the model or to look at what it gives, moves the seeds of the layers that draw in it.
Within a loop of the user's such a call may be a step; when a training begins it is none of its steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.patches import pinning


@dataclass
class _Drawn:
    """Draws from one seed generator.

    Attributes:
        before: Its state before the first of them, shape `(2,)`.
        times: How many they are.
    """

    before: Array
    times: int

    def after(self) -> Array:
        """Returns the state that they leave behind: each draw counts one (`SeedGenerator.next`)."""
        state: Array = self.before + np.array([0, self.times], self.before.dtype)
        return state


class DirectCalls:
    """Keeps account of draws outside of any training.

    Args:
        backend: Name of Keras's backend.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backends.load(backend)
        self._drawn: ByObject[_Drawn] = ByObject()

    def drew(self, state: Any, seed: Any) -> None:
        """A seed generator gave the value of its state as a seed, and counted it."""
        before = self._backend.to_numpy(seed).copy()
        drawn = self._drawn.get(state)
        if drawn is not None and np.array_equal(drawn.after(), before):
            drawn.times += 1
        else:
            self._drawn.add(state, _Drawn(before, 1))

    def put_back(self, model: Any) -> None:
        """Puts the seeds of a model's layers to where these draws found them.

        A seed that was moved by something else as well (a loop of the user's that was compiled, a state that the user
        wrote) is left alone.
        """
        for state in pinning.seed_states(model):
            drawn = self._drawn.get(state)
            if drawn is None:
                continue
            now = self._backend.host_value(state)
            if drawn.times and now is not None and np.array_equal(now, drawn.after()):
                self._backend.write(state, drawn.before)
            drawn.times = 0
