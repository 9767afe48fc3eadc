"""Runs each of Keras's noisy layers three times, and trains with dropout; prints what they gave."""

from __future__ import annotations

import json
import sys
from typing import Any

import keras
import numpy as np
from keras import layers

import samefit

NOISY = {
    "Dropout": lambda: layers.Dropout(0.3),
    "Dropout, own seed": lambda: layers.Dropout(0.3, seed=7),
    "SpatialDropout2D": lambda: layers.SpatialDropout2D(0.4),
    "AlphaDropout": lambda: layers.AlphaDropout(0.2),
    "GaussianNoise": lambda: layers.GaussianNoise(0.5),
    "GaussianDropout": lambda: layers.GaussianDropout(0.25),
    "RandomFlip": lambda: layers.RandomFlip(),
    "RandomTranslation": lambda: layers.RandomTranslation(0.3, 0.3, interpolation="nearest"),
    "RandomBrightness": lambda: layers.RandomBrightness(0.3, value_range=(0, 1)),
    "RandomContrast": lambda: layers.RandomContrast(0.3, value_range=(0, 1)),
    "RandomCrop": lambda: layers.RandomCrop(5, 5),
    "RandomErasing": lambda: layers.RandomErasing(value_range=(0, 1)),
}
SEQUENCES = {
    "LSTM": lambda: layers.LSTM(4, dropout=0.3, recurrent_dropout=0.2),
    "GRU": lambda: layers.GRU(4, dropout=0.3),
    "MultiHeadAttention": lambda: Attention(),
}


class Attention(layers.Layer):  # type: ignore[misc]
    """Attends to its own input."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = layers.MultiHeadAttention(2, 3, dropout=0.4)

    def call(self, x: Any, training: Any = None) -> Any:
        return self.attention(x, x, training=training)


def main() -> None:
    images = np.random.default_rng(0).random((4, 8, 8, 3)).astype("float32")
    steps = np.random.default_rng(1).random((4, 5, 6)).astype("float32")
    found: dict[str, Any] = {}
    with samefit.pinned(3):
        for name, make in {**NOISY, **SEQUENCES}.items():
            layer = make()
            x = keras.ops.convert_to_tensor(images if name in NOISY else steps)
            model = keras.Sequential([keras.Input(x.shape[1:]), layer])
            # A copy for each call: RandomBrightness adds to its input in place on PyTorch (Keras 3.15).
            outputs = [model(keras.ops.copy(x), training=True) for _ in range(3)]
            values = [np.asarray(keras.ops.convert_to_numpy(output)) for output in outputs]
            found[name] = [value.ravel()[:400].tolist() for value in values]
        found["trained"] = trained(images.reshape(-1, 48))
    sys.stdout.write(json.dumps(found))


def trained(x: Any) -> list[float]:
    """Returns the weights after four epochs with dropout."""
    model = keras.Sequential([keras.Input((48,)), layers.Dense(16), layers.Dropout(0.5), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=5, epochs=4, verbose=0)
    weights: list[float] = np.concatenate([np.ravel(w) for w in model.get_weights()]).tolist()
    return weights


if __name__ == "__main__":
    main()
