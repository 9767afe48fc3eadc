"""Steps that are written some steps later, with their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from samefit.record.batches import BatchDigest


class Waiting(NamedTuple):
    """A step of which all but its batch is read later: nobody can change that, while a batch may be written anew.

    Attributes:
        batch: What is kept of its batch, or why nothing is.
        generators: `StepRecord.generators`.
        generators_after: `StepRecord.generators_after`.
        logs: What it returned.
    """

    batch: BatchDigest | str | None
    generators: Mapping[str, bytes]
    generators_after: Mapping[str, bytes]
    logs: Any
