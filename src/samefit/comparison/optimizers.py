"""What of an optimizer's state acts on a training."""

from __future__ import annotations

from collections.abc import Mapping

from samefit.store.records import TrainingRecord

_UNCOUNTED = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion")
"""Optimizers whose update does not depend on how many there were before (Keras 3.15, keras/src/optimizers)."""

STEERING = ("iteration", "learning_rate")
"""Slots that say how far an update goes, and that no rounding changes."""


def is_uncounted(training: TrainingRecord) -> bool:
    """Whether the optimizer of a training makes the same update whatever its counter says."""
    optimizer = training.compiled.get("optimizer")
    if not isinstance(optimizer, Mapping) or optimizer.get("class") not in _UNCOUNTED:
        return False
    config = optimizer.get("config") or {}
    counts = config.get("use_ema") or config.get("gradient_accumulation_steps")
    return isinstance(config.get("learning_rate"), (int, float)) and not counts
