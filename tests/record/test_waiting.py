"""Which trainings may have their batches read later."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from samefit.record.waiting import stay_as_they_are

X, Y = np.zeros((128, 4), "float32"), np.zeros(128, "int64")


class BetweenEpochs(keras.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Runs after the batches were read."""


class BetweenBatches(keras.callbacks.Callback):
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """May change anything that the next batch is taken from."""


class BeforeBatches(keras.callbacks.Callback):
    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The old name."""


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"callbacks": [BetweenEpochs(), keras.callbacks.EarlyStopping(), keras.callbacks.CSVLogger("log.csv")]},
        {"callbacks": BetweenEpochs()},
        {"callbacks": [keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)]},
        {"sample_weight": np.ones(128)},
        {"x": {"left": X, "right": X}, "y": [Y, Y]},
        {"batch_size": None},
    ],
)
def test_small_batches_of_arrays_stay(more: dict[str, Any]) -> None:
    assert stay_as_they_are({"x": X, "y": Y, **more})


@pytest.mark.parametrize(
    "more",
    [
        {"callbacks": [BetweenBatches()]},
        {"callbacks": keras.callbacks.CallbackList([BetweenBatches()])},
        {"callbacks": [BetweenEpochs(), BeforeBatches()]},
        {"callbacks": [keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: None)]},
        {"callbacks": [[BetweenEpochs()]]},
        {"x": (batch for batch in [(X, Y)]), "y": None},
        {"x": X.tolist()},
        {"x": np.zeros((128, 65536), "float32")},
        {"batch_size": 100_000},
        {"x": None, "y": None},
        {"x": X[:0], "y": Y[:0]},
    ],
)
def test_what_somebody_may_change_or_is_large_does_not_wait(more: dict[str, Any]) -> None:
    assert not stay_as_they_are({"x": X, "y": Y, **more})
