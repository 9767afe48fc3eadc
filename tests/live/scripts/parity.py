"""One training on two backends: rounding alone, and three in which something is another function."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import samefit


def _train(*between: Any, loss: str = "sparse_categorical_crossentropy", scale: float = 1.0, **compiled: Any) -> None:
    with samefit.pinned(1):
        rng = np.random.Generator(np.random.PCG64(0))
        x = scale * rng.normal(size=(96, 8, 8, 1)).astype("float32")
        y = rng.integers(0, 3, 96)
        if loss == "categorical_crossentropy":
            y = keras.utils.to_categorical(y, 3)
        first = layers.Conv2D(4, 3, activation="relu", padding="same")
        last = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(3, activation="softmax")]
        model = keras.Sequential([keras.Input((8, 8, 1)), first, *between, *last])
        model.compile(**{"optimizer": "adam", "loss": loss, **compiled})
        model.fit(x, y, batch_size=16, epochs=3, verbose=0)


def rounding() -> None:
    """Normalised, so that there is a state beside the weights."""
    _train(layers.BatchNormalization(), layers.MaxPooling2D())


def pooling() -> None:
    """PyTorch counts other padding where it is uneven."""
    _train(layers.AveragePooling2D(3, strides=2, padding="same"))


def saturated() -> None:
    """TensorFlow finds the logits behind a softmax, the others clip."""
    _train(loss="categorical_crossentropy", scale=1e3)


def optimizer() -> None:
    """The first step of this one is another on TensorFlow."""
    _train(optimizer=keras.optimizers.ScheduleFreeAdamW(1e-3))
