"""Weights of every family of layers and of every initialiser, by digest, for all three backends to agree on."""

from __future__ import annotations

import hashlib
import json
import sys

import keras
import numpy as np
from keras import layers

import samefit


def digest(variables: list[keras.Variable]) -> str:
    values = b"".join(variable.numpy().astype("float64").tobytes() for variable in variables)
    return hashlib.sha256(values).hexdigest()[:16]


FOUND: dict[str, object] = {}
SEQUENCE = {
    "LSTM": lambda: layers.LSTM(5, dropout=0.2, return_sequences=True),
    "LSTM, random bias": lambda: layers.LSTM(5, bias_initializer="random_normal"),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(3)),
    "RNN of cells": lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(4)]),
    "Conv1D": lambda: layers.Conv1D(4, 3),
    "SeparableConv1D": lambda: layers.SeparableConv1D(4, 3),
    "DepthwiseConv1D": lambda: layers.DepthwiseConv1D(3),
    "Conv1DTranspose": lambda: layers.Conv1DTranspose(4, 3),
    "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 3)),
    "LayerNormalization": lambda: layers.LayerNormalization(),
    "SpectralNormalization": lambda: layers.SpectralNormalization(layers.Dense(3)),
    "Dense with PReLU": lambda: keras.Sequential([layers.Dense(3), layers.PReLU("random_uniform")]),
    "half": lambda: layers.Dense(3, dtype="float16"),
    "bfloat16": lambda: layers.Dense(3, dtype="bfloat16"),
    "mixed": lambda: layers.Dense(3, dtype="mixed_bfloat16"),
}


def attention() -> keras.Model:
    inputs = keras.Input((6, 8))
    x = layers.MultiHeadAttention(2, 4, dropout=0.1)(inputs, inputs)
    x = layers.GroupQueryAttention(4, 2, 2)(x, x)
    return keras.Model(inputs, layers.AdditiveAttention()([x, x]))


def embedding() -> keras.Model:
    return keras.Sequential([keras.Input((6,), dtype="int32"), layers.Embedding(10, 4, mask_zero=True)])


INITIALIZERS = {
    "RandomNormal": keras.initializers.RandomNormal(0.5, 2.0),
    "TruncatedNormal": keras.initializers.TruncatedNormal(0.0, 1.5),
    "RandomUniform": keras.initializers.RandomUniform(-2.0, 1.0),
    "GlorotUniform": "glorot_uniform",
    "GlorotNormal": "glorot_normal",
    "HeNormal": "he_normal",
    "HeUniform": "he_uniform",
    "LecunNormal": "lecun_normal",
    "LecunUniform": "lecun_uniform",
    "untruncated": keras.initializers.VarianceScaling(1.5, "fan_out", "untruncated_normal"),
    "Orthogonal": keras.initializers.Orthogonal(2.0),
    "NumPy": lambda shape, dtype=None: np.random.normal(size=shape).astype(dtype),
    "of Keras's": lambda shape, dtype=None: keras.initializers.HeNormal()(shape, dtype) * 2.0,
}

with samefit.pinned(4) as scope:
    for name, make in SEQUENCE.items():
        model = keras.Sequential([keras.Input((6, 8)), make()])
        FOUND[name] = digest(model.weights)
    FOUND["attention"] = digest(attention().weights)
    FOUND["embedding"] = digest(embedding().weights)
    moments = {}
    for name, initializer in INITIALIZERS.items():
        kernel = keras.Sequential([keras.Input((200,)), layers.Dense(300, kernel_initializer=initializer)]).weights[0]
        FOUND[name] = digest([kernel])
        value = kernel.numpy().astype("float64")
        moments[name] = [value.mean(), value.std(), value.min(), value.max()]
    wide = keras.Sequential([keras.Input((20,)), layers.Dense(30, kernel_initializer="orthogonal")]).weights[0].numpy()
    FOUND["orthonormal"] = float(np.abs(wide @ wide.T - np.eye(20)).max())
    tuned = keras.Sequential([keras.Input((20,)), layers.Dense(30)])
    tuned.layers[0].enable_lora(2)
    tuned.compile("sgd", "mse")
    tuned.fit(np.zeros((2, 20)), np.zeros((2, 30)), verbose=0)  # its gradients are zero
    FOUND["LoRA"] = digest(tuned.weights)
    FOUND["limits"] = [limit.kind for limit in scope.report.limits]

# By the side of Keras's own, which have the same distribution.
native = {}
keras.utils.set_random_seed(1)
# On one backend: the pinned values are equal on all, which another test says.
for name in moments if keras.config.backend() == "torch" else ():
    if not callable(INITIALIZERS[name]) or isinstance(INITIALIZERS[name], keras.Initializer):
        dense = layers.Dense(300, kernel_initializer=INITIALIZERS[name])
        dense.build((None, 200))
        value = dense.kernel.numpy().astype("float64")
        native[name] = [value.mean(), value.std(), value.min(), value.max()]


class OwnSeed(keras.initializers.RandomNormal):
    """Draws with the functions of Keras."""

    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape, seed=self.seed, dtype=dtype)


def drawing(shape, dtype=None):
    return keras.random.normal(shape, dtype=dtype)


class Loose:
    """Layers without a model, in the order of their first run."""

    def __init__(self) -> None:
        np.random.random(7)
        self.second, self.drop, self.first = layers.Dense(2), layers.Dropout(0.5), layers.Dense(3)
        self.first(np.ones((2, 4), "float32"))
        self.drop(np.ones((2, 4), "float32"), training=True)
        self.second(np.ones((2, 3), "float32"))

    @property
    def weights(self) -> list[keras.Variable]:
        return [*self.first.weights, self.drop.seed_generator.state, *self.second.weights]


def per_backend(initializer: object) -> str:
    with samefit.pinned(4):
        np.random.random(3), keras.random.normal((2,))
        layers.Dense(3)
        return digest(keras.Sequential([keras.Input((8,)), layers.Dense(5, kernel_initializer=initializer)]).weights)


FOUND["own functions"] = per_backend(OwnSeed()) == per_backend(OwnSeed())
FOUND["own drawing"] = per_backend(drawing) == per_backend(drawing)
with samefit.pinned(4):
    one = digest(Loose().weights)
with samefit.pinned(4):
    keras.random.normal((2,)), layers.Dense(3)
    FOUND["loose layers"] = digest(Loose().weights) == one

json.dump({"found": FOUND, "moments": moments, "native": native}, sys.stdout)
