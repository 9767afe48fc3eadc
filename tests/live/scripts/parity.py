"""One training on two backends: rounding alone, and some in which something is another function."""

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


def recurrent() -> None:
    """A recurrent layer with dropout, whose cell runs in a compiled loop."""
    with samefit.pinned(1):
        rng = np.random.Generator(np.random.PCG64(0))
        x = rng.normal(size=(64, 6, 2)).astype("float32")
        first = layers.GRU(4, dropout=0.2, recurrent_dropout=0.3)
        model = keras.Sequential([keras.Input((6, 2)), first, layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, x[:, 0, :1], batch_size=16, epochs=2, verbose=0)


def rows() -> None:
    """TensorFlow's optimizers square each row of an embedding's gradient, and not the sum of those of a word."""
    with samefit.pinned(1):
        rng = np.random.Generator(np.random.PCG64(0))
        words, y = rng.integers(0, 20, (64, 6)), rng.normal(size=(64, 1)).astype("float32")
        first = [layers.Embedding(20, 4), layers.Flatten()]
        model = keras.Sequential([keras.Input((6,), dtype="int32"), *first, layers.Dense(1)])
        model.compile("rmsprop", "mse")
        model.fit(words, y, batch_size=16, epochs=2, verbose=0)
