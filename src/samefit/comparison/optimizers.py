"""What of an optimizer's state acts on a training."""

from __future__ import annotations

from collections.abc import Mapping

from samefit.comparison.compiled import OPTIMIZERS, parts_of
from samefit.store.records import TrainingRecord

_UNCOUNTED = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Lion")
"""Optimizers whose update does not depend on how many there were before (Keras 3.15, keras/src/optimizers)."""

STEERING = ("iteration", "learning_rate")
"""Slots that say how far an update goes, and that no rounding changes."""


def is_uncounted(training: TrainingRecord, holder: str) -> bool:
    """Whether an optimizer of a training makes the same update whatever its counter says.

    Args:
        training: The training.
        holder: Which optimizer: `VariableRecord.holder`.
    """
    optimizer = parts_of(training.compiled, OPTIMIZERS).get(holder or OPTIMIZERS[0])
    if not isinstance(optimizer, Mapping) or optimizer.get("class") not in _UNCOUNTED:
        return False
    config = optimizer.get("config") or {}
    counts = config.get("use_ema") or config.get("gradient_accumulation_steps")
    return isinstance(config.get("learning_rate"), (int, float)) and not counts
