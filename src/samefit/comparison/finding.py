"""What a scan of two runs finds: one record that differs."""

from __future__ import annotations

from dataclasses import dataclass

from samefit.types import Stage

BEFORE_STEP = "before the step"
"""Detail of a finding in what a training begins with; it precedes all that the step itself does."""

BETWEEN_EPOCHS = "between two epochs, before the step"
"""Detail of a finding in what callbacks have changed since the step before."""

SAME_SAMPLES = "the same"
"""How the detail of a finding in the data begins where only the order of the samples differs."""

AFTER_TRAINING = "after the last step of the training, when fit ended"
"""Detail of a finding in the weights with which `fit` returned."""


@dataclass(frozen=True)
class Finding:
    """One record that differs.

    Attributes:
        position: 0-based position in the compared sequence.
        stage: Its stage.
        path: What differs.
        detail: One line more.
        num_paths: How many paths differ with it.
    """

    position: int
    stage: Stage
    path: str
    detail: str = ""
    num_paths: int = 1
