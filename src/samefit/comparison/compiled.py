"""What a training works with: what `compile` took, and what the model holds itself, by attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OPTIMIZERS, LOSSES = ("optimizer", "optimizers"), ("loss", "losses")
"""Under which keys of `TrainingRecord.compiled` they stand: that of `compile`, and those that the model holds."""


def parts_of(compiled: Mapping[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    """Returns what stands under the first of two keys by that key, and what stands under the second by attribute."""
    compiled_with, held = keys
    parts = {compiled_with: compiled[compiled_with]} if compiled.get(compiled_with) is not None else {}
    return {**parts, **(compiled.get(held, {}) if held else {})}
