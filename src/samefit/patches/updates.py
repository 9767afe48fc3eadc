"""The order of a step: no weight is updated before all gradients are computed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from samefit.patches.patching import Patches

_CHECKED = "Keras 3.15.1 with TensorFlow 2.21"


def keep_updates_last(patches: Patches, completed: Callable[[Sequence[Any]], list[Any]]) -> None:
    """Has every optimizer wait for all gradients.

    `train_on_batch` on TensorFlow, compiled without XLA, computes some gradients with weights that the same step has
    updated already: in a model of two `Dense` layers in about one of four compilations
    (`docs/_bugs/train_on_batch_uses_updated_weights.py`). The updates of `BaseOptimizer.apply`
    (keras/src/optimizers/base_optimizer.py) are made to depend on all gradients, as they should.

    Args:
        patches: Where the touch is kept.
        completed: Returns gradients of which each is there only when all are.
    """
    optimizer = importlib.import_module("keras.src.optimizers.base_optimizer").BaseOptimizer

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
            return original(self, completed(list(grads)), trainable_variables)

        return apply

    patches.replace(optimizer, "apply", make, checked_on=_CHECKED)
