"""Architectures of all layer families, each to be built in every style that can express it.

An architecture names its layers once; `chain` runs them one after the other, `Architecture` by a function of its own.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops
from tests.pin.building import Architecture, Layers, chain
from tests.pin.own_layers import Residual, Sampling, Scale


def residual(p: Layers, x: Any, training: bool | None) -> Any:
    for n in range(2):
        y = p[f"norm{n}"](p[f"first{n}"](x), training=training)
        x = ops.relu(p[f"second{n}"](y) + p[f"skip{n}"](x))
    return p["head"](p["pool"](x))


def unet(p: Layers, x: Any, training: bool | None) -> Any:
    top = p["down1"](x)
    low = p["drop"](p["down2"](p["pool"](top)), training=training)
    return p["head"](p["join"]([p["up"](low), top]))


def transformer(p: Layers, x: Any, training: bool | None) -> Any:
    x = p["words"](x)
    x = p["norm1"](x + p["attention"](x, x, training=training))
    x = p["norm2"](x + p["drop"](p["back"](p["wide"](x)), training=training))
    return p["head"](p["pool"](x))


def vae(p: Layers, x: Any, training: bool | None) -> Any:
    hidden = p["encode"](x)
    return p["decode"](p["sample"]([p["mean"](hidden), p["log"](hidden)]))


def siamese(p: Layers, x: Any, training: bool | None) -> Any:
    one, other = (p["drop"](p["shared"](side), training=training) for side in x)
    return p["head"](p["join"]([one, other]))


def wide_and_deep(p: Layers, x: Any, training: bool | None) -> Any:
    deep = p["drop"](p["second"](p["first"](x[1])), training=training)
    joined = p["join"]([p["wide"](x[0]), deep])
    return [p["one"](joined), p["two"](joined)]


def merging(p: Layers, x: Any, training: bool | None) -> Any:
    a, b, c = p["a"](x), p["b"](x), p["c"](x)
    joined = [p["add"]([a, b]), p["multiply"]([b, c]), p["average"]([a, c]), p["maximum"]([a, b])]
    return p["head"](p["concatenate"]([*joined, p["minimum"]([b, c]), p["subtract"]([a, b]), p["dot"]([a, c])]))


def seq2seq(p: Layers, x: Any, training: bool | None) -> Any:
    _, *state = p["encoder"](x[0], training=training)
    return p["head"](p["decoder"](x[1], initial_state=state, training=training))


def two_attentions(p: Layers, x: Any, training: bool | None) -> Any:
    x = p["plain"]([p["query"](x), p["value"](x)], training=training)
    return p["head"](p["additive"]([x, p["other"](x)], training=training))


def experts(p: Layers, x: Any, training: bool | None) -> Any:
    gate = p["gate"](x)
    return sum(p[f"expert{n}"](x) * gate[:, n : n + 1] for n in range(3))


def inception(p: Layers, x: Any, training: bool | None) -> Any:
    arms = [p[f"conv{n}"](x) for n in (1, 3, 5)]
    return p["head"](p["pool"](p["join"]([*arms, p["after"](p["max"](x))])))


IMAGE, SERIES, VOLUME = (8, 8, 3), (6, 4), (4, 4, 4, 2)

ARCHITECTURES: dict[str, Architecture] = {
    "mlp": chain("dense", (8,), lambda: [layers.Dense(16, "relu"), layers.Dense(8, "tanh"), layers.Dense(1)]),
    "mlp-dropout": chain(
        "dense",
        (8,),
        lambda: [layers.Dense(16, "relu"), layers.Dropout(0.3), layers.Dense(8), layers.Dropout(0.2), layers.Dense(1)],
    ),
    "mlp-initializers": chain(
        "dense",
        (8,),
        lambda: [
            layers.Dense(8, "selu", kernel_initializer="lecun_normal", bias_initializer="random_uniform"),
            layers.Dense(8, kernel_initializer="orthogonal"),
            layers.Dense(8, kernel_initializer="he_uniform"),
            layers.PReLU("truncated_normal"),
            layers.Dense(1, kernel_initializer="random_normal"),
        ],
    ),
    "einsum": chain(
        "dense", SERIES, lambda: [layers.EinsumDense("abc,cd->abd", (6, 5)), layers.Flatten(), layers.Dense(1)]
    ),
    "conv1d": chain("convolution", SERIES, lambda: [layers.Conv1D(4, 3), layers.GlobalMaxPooling1D(), layers.Dense(1)]),
    "conv2d": chain(
        "convolution",
        IMAGE,
        lambda: [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(2)],
    ),
    "conv3d": chain(
        "convolution",
        VOLUME,
        lambda: [layers.Conv3D(3, 2), layers.AveragePooling3D(2), layers.Flatten(), layers.Dense(1)],
    ),
    "separable": chain(
        "separable",
        IMAGE,
        lambda: [layers.SeparableConv2D(4, 3), layers.DepthwiseConv2D(3), layers.Flatten(), layers.Dense(1)],
    ),
    "separable1d": chain(
        "separable",
        SERIES,
        lambda: [layers.SeparableConv1D(4, 3), layers.DepthwiseConv1D(2), layers.Flatten(), layers.Dense(1)],
    ),
    "transposed": chain(
        "transposed", IMAGE, lambda: [layers.Conv2D(4, 3, 2), layers.Conv2DTranspose(3, 3, 2), layers.Conv2D(1, 1)]
    ),
    "transposed1d": chain("transposed", SERIES, lambda: [layers.Conv1DTranspose(3, 3), layers.Conv1D(1, 1)]),
    "simple-rnn": chain("recurrent", SERIES, lambda: [layers.SimpleRNN(5, dropout=0.2), layers.Dense(1)]),
    "lstm": chain(
        "recurrent",
        SERIES,
        lambda: [layers.LSTM(5, return_sequences=True), layers.LSTM(4, dropout=0.2), layers.Dense(1)],
    ),
    "gru": chain("recurrent", SERIES, lambda: [layers.GRU(5, recurrent_dropout=0.2), layers.Dense(1)]),
    "cells": chain("recurrent", SERIES, lambda: [layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), layers.Dense(1)]),
    "conv-lstm": chain(
        "recurrent", (4, 6, 3), lambda: [layers.ConvLSTM1D(2, 3, dropout=0.1), layers.Flatten(), layers.Dense(1)]
    ),
    "bidirectional": chain(
        "wrappers", SERIES, lambda: [layers.Bidirectional(layers.LSTM(3, dropout=0.1)), layers.Dense(1)]
    ),
    "time-distributed": chain(
        "wrappers",
        SERIES,
        lambda: [
            layers.TimeDistributed(layers.Dense(3)),
            layers.Flatten(),
            layers.SpectralNormalization(layers.Dense(1)),
        ],
    ),
    "embedding": chain(
        "embedding",
        (6,),
        lambda: [layers.Embedding(20, 5, mask_zero=True), layers.LSTM(4), layers.Dense(1)],
        words=20,
    ),
    "normalization": chain(
        "normalisation",
        IMAGE,
        lambda: [
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.GroupNormalization(2),
            layers.LayerNormalization(),
            layers.RMSNormalization(),
            layers.UnitNormalization(),
            layers.Flatten(),
            layers.Dense(1),
        ],
    ),
    "random-dense": chain(
        "random layers",
        (8,),
        lambda: [
            layers.Dense(16),
            layers.GaussianNoise(0.1),
            layers.Dense(8, "selu"),
            layers.AlphaDropout(0.2),
            layers.GaussianDropout(0.2),
            layers.ActivityRegularization(0.01),
            layers.Dense(1),
        ],
    ),
    "random-spatial": chain(
        "random layers",
        IMAGE,
        lambda: [layers.Conv2D(4, 3), layers.SpatialDropout2D(0.3), layers.Flatten(), layers.Dense(1)],
    ),
    "random-spatial1d": chain(
        "random layers",
        SERIES,
        lambda: [layers.Conv1D(4, 3), layers.SpatialDropout1D(0.3), layers.Flatten(), layers.Dense(1)],
    ),
    "augmentation": chain(
        "augmentation",
        IMAGE,
        lambda: [
            layers.RandomFlip(),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomContrast(0.2),
            layers.RandomBrightness(0.1, value_range=(-3, 3)),
            layers.Conv2D(2, 3),
            layers.Flatten(),
            layers.Dense(1),
        ],
    ),
    "augmentation-affine": chain(
        "augmentation",
        IMAGE,
        lambda: [layers.RandomRotation(0.1), layers.RandomZoom(0.1), layers.Flatten(), layers.Dense(1)],
    ),
    "own-layers": chain(
        "own layers", (8,), lambda: [layers.Dense(6), Scale(), Residual(6), layers.Dropout(0.2), layers.Dense(1)]
    ),
    "nested": chain(
        "nested",
        (8,),
        lambda: [
            keras.Sequential([layers.Dense(6), keras.Sequential([layers.Dropout(0.2), layers.Dense(6)])]),
            keras.Sequential([layers.Dense(6), layers.Dropout(0.2)]),
            layers.Dense(1),
        ],
    ),
    "mixed-bfloat16": chain(
        "mixed precision",
        IMAGE,
        lambda: [
            layers.Conv2D(4, 3),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(1),
        ],
        policy="mixed_bfloat16",
    ),
    "mixed-float16": chain(
        "mixed precision",
        (8,),
        lambda: [layers.Dense(8, "relu"), layers.Dropout(0.2), layers.Dense(1)],
        policy="mixed_float16",
    ),
    "residual": Architecture(
        "residual",
        (IMAGE,),
        lambda: {
            **{f"first{n}": layers.Conv2D(4, 3, padding="same") for n in range(2)},
            **{f"second{n}": layers.Conv2D(4, 3, padding="same") for n in range(2)},
            **{f"skip{n}": layers.Conv2D(4, 1) for n in range(2)},
            **{f"norm{n}": layers.BatchNormalization() for n in range(2)},
            "pool": layers.GlobalAveragePooling2D(),
            "head": layers.Dense(2),
        },
        residual,
    ),
    "unet": Architecture(
        "encoder-decoder",
        (IMAGE,),
        lambda: {
            "head": layers.Conv2D(1, 1),
            "up": layers.Conv2DTranspose(3, 2, 2),
            "join": layers.Concatenate(),
            "down2": layers.Conv2D(5, 3, padding="same"),
            "drop": layers.Dropout(0.3),
            "pool": layers.MaxPooling2D(),
            "down1": layers.Conv2D(4, 3, padding="same"),
        },
        unet,
    ),
    "vae": Architecture(
        "encoder-decoder",
        ((8,),),
        lambda: {
            "encode": layers.Dense(6, "relu"),
            "log": layers.Dense(2),
            "mean": layers.Dense(2),
            "sample": Sampling(),
            "decode": layers.Dense(8),
        },
        vae,
    ),
    "seq2seq": Architecture(
        "encoder-decoder",
        (SERIES, (5, 3)),
        lambda: {
            "decoder": layers.LSTM(4, return_sequences=True, dropout=0.1),
            "encoder": layers.LSTM(4, return_state=True),
            "head": layers.Dense(2),
        },
        seq2seq,
    ),
    "transformer": Architecture(
        "attention",
        ((6,),),
        lambda: {
            "words": layers.Embedding(20, 8),
            "attention": layers.MultiHeadAttention(2, 4, dropout=0.1),
            "norm1": layers.LayerNormalization(),
            "norm2": layers.LayerNormalization(),
            "back": layers.Dense(8),
            "wide": layers.Dense(16, "gelu"),
            "drop": layers.Dropout(0.1),
            "pool": layers.GlobalAveragePooling1D(),
            "head": layers.Dense(1),
        },
        transformer,
        words=20,
    ),
    "attention": Architecture(
        "attention",
        (SERIES,),
        lambda: {
            "query": layers.Dense(4),
            "value": layers.Dense(4),
            "plain": layers.Attention(dropout=0.1),
            "other": layers.Dense(4),
            "additive": layers.AdditiveAttention(dropout=0.1),
            "head": layers.Dense(1),
        },
        two_attentions,
    ),
    "siamese": Architecture(
        "shared layers",
        ((8,), (8,)),
        lambda: {
            "shared": layers.Dense(5),
            "drop": layers.Dropout(0.3),
            "join": layers.Subtract(),
            "head": layers.Dense(1),
        },
        siamese,
    ),
    "wide-and-deep": Architecture(
        "several inputs and outputs",
        ((4,), (8,)),
        lambda: {
            "one": layers.Dense(1),
            "two": layers.Dense(2),
            "wide": layers.Dense(3),
            "first": layers.Dense(6, "relu"),
            "second": layers.Dense(5),
            "drop": layers.Dropout(0.3),
            "join": layers.Concatenate(),
        },
        wide_and_deep,
    ),
    "merging": Architecture(
        "merging",
        ((8,),),
        lambda: {
            **{name: layers.Dense(4) for name in "abc"},
            "add": layers.Add(),
            "multiply": layers.Multiply(),
            "average": layers.Average(),
            "maximum": layers.Maximum(),
            "minimum": layers.Minimum(),
            "subtract": layers.Subtract(),
            "dot": layers.Dot(1),
            "concatenate": layers.Concatenate(),
            "head": layers.Dense(1),
        },
        merging,
    ),
    "experts": Architecture(
        "merging",
        ((8,),),
        lambda: {**{f"expert{n}": layers.Dense(2) for n in range(3)}, "gate": layers.Dense(3, "softmax")},
        experts,
    ),
    "inception": Architecture(
        "convolution",
        (IMAGE,),
        lambda: {
            **{f"conv{n}": layers.Conv2D(2, n, padding="same") for n in (1, 3, 5)},
            "max": layers.MaxPooling2D(3, 1, padding="same"),
            "after": layers.Conv2D(2, 1),
            "join": layers.Concatenate(),
            "pool": layers.GlobalAveragePooling2D(),
            "head": layers.Dense(1),
        },
        inception,
    ),
}
