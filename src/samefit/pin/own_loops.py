"""Loops of `train_on_batch` that draw from generators of the process: nothing resets these when a loop begins."""

from __future__ import annotations

import random
import weakref
from typing import TYPE_CHECKING, Any

from samefit import backends
from samefit.patches import generators
from samefit.patches.fast_states import InnerKey, NumpyKey, python_key
from samefit.patches.keras_seed import global_seed_state
from samefit.pin import limits

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope


class OwnLoops:
    """Knows which models are trained by a loop, and says it if something is drawn between two steps of one.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._backend = backends.load(scope.backend)
        self._python = python_key(random._inst)
        self._numpy = NumpyKey()
        self._framework = InnerKey(self._backend.inner_generator)
        self._drawn_by_keras = 0
        self._left: weakref.WeakKeyDictionary[Any, tuple[Any, ...]] = weakref.WeakKeyDictionary()
        self._said = False

    def step_begins(self, model: Any) -> bool:
        """Says whether it is the first step of a loop."""
        left = self._left.get(model)
        if left and not self._said and any(one != other for one, other in zip(left, self._where(), strict=True)):
            self._said = True
            self._scope.report.limit(limits.own_loop())
        return left is None

    def step_ended(self, model: Any) -> None:
        """Notes where the generators stand."""
        self._left[model] = () if self._said else self._where()

    def over(self, model: Any) -> None:
        """The model is trained by `fit`: what comes after that is another loop."""
        self._left.pop(model, None)

    def drew(self, state: Any) -> None:
        """A seed generator was drawn from, outside of anything that Keras runs."""
        self._drawn_by_keras += state is global_seed_state()

    def _where(self) -> tuple[Any, ...]:
        # The whole state costs more; a key is None where it cannot be told from less.
        numpy, framework = self._numpy(), self._framework()
        return (
            random.getstate() if self._python is None else self._python(),
            generators.read_numpy() if numpy is None else numpy,
            # A training puts another generator in the place of TensorFlow's, and a third one, as the first, back.
            self._backend.generator_state() if framework is None else framework[1:],
            self._drawn_by_keras,
        )
