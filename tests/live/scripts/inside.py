"""One training in several versions, each with one difference inside of its first step; and all kinds of models."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops


class Gate(layers.Layer):
    """Hands on its input, and stops its gradient if it is shut."""

    def __init__(self, shut: bool) -> None:
        super().__init__()
        self.shut = shut

    def call(self, inputs: Any) -> Any:
        return ops.stop_gradient(inputs) if self.shut else inputs


class Block(layers.Layer):
    """A residual block with a raw operation."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.norm = layers.Dense(8), layers.BatchNormalization()

    def call(self, inputs: Any, training: bool = False) -> Any:
        return inputs * 1.0 + ops.relu(self.norm(self.dense(inputs), training=training))


class Net(keras.Model):
    """A subclassed model that calls a block twice."""

    def __init__(self) -> None:
        super().__init__()
        self.block, self.drop, self.out = Block(), layers.Dropout(0.2), layers.Dense(1)

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.out(self.block(self.drop(self.block(inputs, training=training)), training=training))


def _arrays(*shape: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(64, *shape)).astype("float32"), rng.normal(size=(64, 1)).astype("float32")


def _train(
    rate: float = 0.3,
    epsilon: float = 1e-3,
    slope: float = 0.1,
    shut: bool = False,
    learning_rate: float = 1e-3,
    inner: str = "tanh",
    averaged: bool = False,
) -> None:
    keras.utils.set_random_seed(1)
    shared = layers.Dense(8, name="shared")
    inputs = keras.Input((8,))
    x = layers.LayerNormalization(epsilon=epsilon, name="norm")(shared(inputs))
    x = layers.LeakyReLU(negative_slope=slope, name="leaky")(layers.Dropout(rate, name="drop")(x))
    x = shared(x)
    last = [layers.Dense(4, activation=inner, name="first"), layers.Dense(4, name="second")]
    nested = keras.Sequential(last, name="nested")
    model = keras.Model(inputs, layers.Dense(1, name="out")(Gate(shut)(nested(x))))
    model.compile(keras.optimizers.Adam(learning_rate, use_ema=averaged), "mse")
    model.fit(*_arrays(8), batch_size=16, epochs=2, verbose=0)


def plain() -> None:
    _train()


def rate() -> None:
    _train(rate=0.5)


def epsilon() -> None:
    _train(epsilon=1e-2)


def averaged() -> None:
    _train(averaged=True)


def averaged_epsilon() -> None:
    _train(averaged=True, epsilon=1e-2)


def slope() -> None:
    _train(slope=0.2)


def shut() -> None:
    _train(shut=True)


def learning_rate() -> None:
    _train(learning_rate=2e-3)


def inner() -> None:
    _train(inner="sigmoid")


def _fit(model: keras.Model, x: Any, y: Any) -> None:
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, batch_size=16, epochs=2, verbose=0)


def every_kind() -> None:
    """A subclassed model, one trained batch by batch, a recurrent one with masks, one with attention."""
    keras.utils.set_random_seed(1)
    x, y = _arrays(8)
    _fit(Net(), x, y)
    model = Net()
    model.compile("adam", "mse")
    for k in range(4):
        model.train_on_batch(x[16 * k : 16 * k + 16], y[16 * k : 16 * k + 16])
    recurrent = [layers.LSTM(5, return_sequences=True, dropout=0.1), layers.Bidirectional(layers.GRU(3))]
    embedding = layers.Embedding(9, 4, mask_zero=True)
    model = keras.Sequential([keras.Input((6,)), embedding, *recurrent, layers.Dense(1)])
    _fit(model, np.random.default_rng(0).integers(0, 9, size=(64, 6)), y)
    inputs = keras.Input((6, 4))
    h = layers.MultiHeadAttention(2, 3, dropout=0.1)(inputs, inputs)
    h = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(layers.Add()([inputs, h])))
    _fit(keras.Model(inputs, layers.Dense(1)(h)), *_arrays(6, 4))


def stateful() -> None:
    """A recurrent layer that keeps its state from batch to batch, outside of the model's variables."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5, 3), batch_size=16), layers.LSTM(4, stateful=True), layers.Dense(1)])
    _fit(model, *_arrays(5, 3))
