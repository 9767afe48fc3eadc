"""Running the initialisers of weights: under a key, or as they are, to see whether they draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from samefit.backends.base import Array
from samefit.patches import pin_initializers
from samefit.pin import draws, initializers, limits
from samefit.pin.registry import Weight

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope


class Evaluation:
    """Runs initialisers, and gives those of Keras that run within the numbers of the key.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._watched: Weight | None = None
        self._stream: initializers.Stream | None = None

    def observed(self, entry: Weight, call: Callable[[], Any]) -> Any:
        """Calls a foreign initialiser and notes whether it draws."""
        before = draws.states(self._scope.backend)
        self._watched = entry
        try:
            return call()
        finally:
            self._watched = None
            entry.drew = entry.drew or draws.states(self._scope.backend) != before

    def drawn(self, draw: pin_initializers.Draw, shape: Sequence[int], dtype: str) -> Array | None:
        """Returns what an initialiser of Keras's without a seed draws now, or None where Keras has to."""
        if self._watched is not None:
            self._watched.drew = True
        if self._stream is None or dtype not in ("float16", "bfloat16", "float32", "float64"):
            return None
        return initializers.drawn(self._stream, draw, shape, dtype)

    def evaluate(self, entry: Weight, its_key: int, shape: Any, dtype: Any, **kwargs: Any) -> Any:
        """Returns the value of a weight under a key."""
        initializer = entry.initializer
        self._stream = initializers.Stream(its_key)
        try:
            if entry.keras and pin_initializers.wanted(initializer, shape) is not None:
                return initializer(shape, dtype=dtype, **kwargs)
            with draws.keyed(its_key), pin_initializers.other_seed(initializer, its_key):
                before = draws.states(self._scope.backend)[draws.PORTABLE :]
                value = self.observed(entry, lambda: initializer(shape, dtype=dtype, **kwargs))
                if draws.states(self._scope.backend)[draws.PORTABLE :] != before:
                    self._scope.report.limit(limits.backend_draw(initializer))
                return value
        finally:
            self._stream = None
