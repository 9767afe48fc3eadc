"""Steps that are read some steps later, with their neighbours, their batches included.

Between two steps a digest takes three times what it takes among its likes, since a training step leaves nothing of its
code in the caches. So it waits, where nobody changes the batch meanwhile: Keras slices it from arrays, and no code of
the user's runs before the epoch ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from samefit.record import models

_BYTES = 256 << 10
"""Bytes of a batch up to which it waits: 64 of them are held at a time."""

_HOOKS = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")

_BATCH_SIZE = 32
"""Keras's own (`fit`, keras/src/backend/jax/trainer.py, 3.15.1)."""


class Waiting(NamedTuple):
    """A step that is not read yet.

    Attributes:
        data: Its batch.
        generators: `StepRecord.generators`.
        generators_after: `StepRecord.generators_after`.
        logs: What it returned.
    """

    data: Any
    generators: Mapping[str, bytes]
    generators_after: Mapping[str, bytes]
    logs: Any


def stay_as_they_are(arguments: Mapping[str, Any]) -> bool:
    """Says whether the batches of a `fit` are small, and nobody can change them before their epoch ends.

    Args:
        arguments: What `fit` was given. Generators and data sets may hand on a buffer that they write again; a callback
            that is called between batches may change the arrays, of which a batch is a view if they are not shuffled.
    """
    leaves = [leaf for _, leaf in models.flatten([arguments.get(name) for name in models.DATA]) if leaf is not None]
    if not leaves or not all(isinstance(leaf, np.ndarray) and leaf.ndim and len(leaf) for leaf in leaves):
        return False
    batch_size = arguments.get("batch_size") or _BATCH_SIZE
    if sum(leaf.nbytes // len(leaf) for leaf in leaves) * batch_size > _BYTES:
        return False
    callbacks = arguments.get("callbacks")
    # Keras marks the methods of its base class, which do nothing (keras/src/callbacks/callback.py and utils, 3.15.1).
    return all(
        getattr(getattr(callback, hook, None), "_is_default", False)
        for callback in models.as_list(getattr(callbacks, "callbacks", callbacks))
        for hook in _HOOKS
    )
