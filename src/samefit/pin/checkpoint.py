"""`samefit.Checkpoint`: a training that is killed goes on where it was, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from samefit.errors import CheckpointError


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Saves a pinned training from time to time; the same command, started again, goes on from there.

    It saves weights, optimizer, metrics, seed generators, the generators of the process, the position in the epoch and
    what callbacks count (`EarlyStopping`, `ReduceLROnPlateau`, `History`, your own). A training that was killed and
    started again ends with the bits of one that was not. Each `fit` that is handed a `Checkpoint` has a file of its
    own, in the order in which they run.

    It works inside `samefit.pinned` (or under `--pin`): without it, nothing says what the data order would have been.

    Args:
        directory: Where checkpoints are kept. Remove it to begin anew.
        every: Save each time that so many steps are done; by default at the end of each epoch only.

    Raises:
        ValueError: If `every` is not positive.
        CheckpointError: By `fit`, if there is no pinned scope, or if the checkpoint is of another training.

    Example:
        >>> with samefit.pinned(42):
        ...     model.fit(x, y, epochs=10, callbacks=[samefit.Checkpoint("checkpoints", every=100)])
    """

    def __init__(self, directory: str | Path, every: int | None = None) -> None:
        super().__init__()
        if every is not None and every < 1:
            raise ValueError(f"every must be a positive number of steps; {every} was given.")
        self.directory = Path(directory)
        self.every = every
        self.resuming: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Lets `fit` begin where the checkpoint stands."""
        if self.resuming is None:
            raise CheckpointError(
                "samefit.Checkpoint works inside a pinned scope: put  with samefit.pinned(SEED):  around fit, or run "
                "the script with  samefit run --pin SEED."
            )
        self.resuming.begin(int(self.params["epochs"]))
