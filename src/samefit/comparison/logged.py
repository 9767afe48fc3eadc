"""What Keras logs as the loss of a step, as far as it depends on the version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samefit.comparison.pairing import Pairing
from samefit.store.records import TrainingRecord

_RESETS_ITSELF = (3, 15)
"""From this version on `train_on_batch` resets the metrics before its step (keras/src/backend/*/trainer.py, 3.12 to
3.15.1); before, it returned the mean since somebody did: a `fit`, an `evaluate`, `reset_metrics()`."""


def keras_of(manifest: Mapping[str, Any]) -> tuple[int, ...]:
    """Returns the first two numbers of the version of Keras of a run; () if it is not known."""
    version = str((manifest.get("versions") or {}).get("keras", ""))
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def since_a_reset(manifest: Mapping[str, Any], training: TrainingRecord) -> bool:
    """Whether the losses that a training logs are means since the metrics were reset, whenever that was."""
    return training.kind == "train_on_batch" and () < keras_of(manifest) < _RESETS_ITSELF


def may_be_other_means(pairing: Pairing, position: int) -> bool:
    """Whether the losses of a pair of steps may differ by what was logged before them alone."""
    a, b = pairing.trainings_at(position)
    return since_a_reset(pairing.run_a.manifest, a) or since_a_reset(pairing.run_b.manifest, b)
