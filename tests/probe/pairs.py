"""Pairs of models, alike and not, looked at in this process; prints what was said of each as JSON.

KERAS_BACKEND=jax python tests/probe/pairs.py pairs
KERAS_BACKEND=jax python tests/probe/pairs.py architectures mlp,attention
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from samefit.comparison.model_result import ModelComparison
from samefit.comparison.models import compare_probes
from samefit.probe.session import probe_here
from samefit.report.model_json import models_to_json

Make = Callable[[], keras.Model]


def chain(**changes: Any) -> list[Any]:
    """A chain of layers with one option changed, as in `chain(norm={"epsilon": 1e-5})`."""

    def with_changes(name: str, **options: Any) -> dict[str, Any]:
        return {**options, **changes.get(name, {})}

    return [
        layers.Conv2D(4, 3, **with_changes("conv", padding="same", activation="relu")),
        layers.BatchNormalization(**with_changes("norm")),
        layers.Dropout(**with_changes("drop", rate=0.3)),
        layers.GlobalAveragePooling2D(),
        layers.Dense(3, **with_changes("head")),
    ]


def sequential(**changes: Any) -> keras.Model:
    return keras.Sequential([keras.Input((8, 8, 2)), *chain(**changes)])


def functional() -> keras.Model:
    inputs = outputs = keras.Input((8, 8, 2))
    for layer in chain():
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


class Subclassed(keras.Model):
    """The same chain; its layers are made last to first."""

    def __init__(self) -> None:
        super().__init__()
        self.e, self.d, self.c, self.b, self.a = reversed(chain())

    def call(self, x, training=None):
        x = self.c(self.b(self.a(x), training=training), training=training)
        return self.e(self.d(x))


def frozen() -> keras.Model:
    model = sequential()
    model.layers[0].trainable = False
    return model


def loaded() -> keras.Model:
    model = sequential()
    model.set_weights([value + 1 for value in model.get_weights()])
    return model


def residual(skip: bool = True) -> keras.Model:
    inputs = keras.Input((6,))
    inner = layers.Dense(6, "tanh")(inputs)
    return keras.Model(inputs, layers.Dense(2)(layers.Add()([inner, inputs]) if skip else inner))


class Residual(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.head, self.inner = layers.Dense(2), layers.Dense(6, "tanh")

    def call(self, x):
        return self.head(x + self.inner(x))


def twice(shared: bool) -> keras.Model:
    inputs = keras.Input((6,))
    first = layers.Dense(6, "tanh")
    return keras.Model(inputs, (first if shared else layers.Dense(6, "tanh"))(first(inputs)))


def branches(first: str, second: str) -> keras.Model:
    inputs = keras.Input((6,))
    one, other = layers.Dense(6, first)(inputs), layers.Dense(6, second)(inputs)
    return keras.Model(inputs, layers.Add()([one, other]))


class MaskLost(keras.Model):
    """A custom operation drops the mask of the embedding; `Kept` hands it on."""

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.words, self.reader = layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)
        self.keep = keep

    def call(self, x):
        embedded = self.words(x)
        return self.reader(embedded if self.keep else embedded * 1.0)


def scaled(layer: type) -> keras.Model:
    return keras.Sequential([keras.Input((6,)), layer(4)])


class EinsumDense(layers.Dense):
    """The same function in another order of additions."""

    def call(self, x):
        halves = keras.ops.split(x, 2, axis=-1), keras.ops.split(self.kernel, 2, axis=0)
        return sum(keras.ops.matmul(one, other) for one, other in zip(*halves, strict=True)) + self.bias


PAIRS: dict[str, tuple[Make, Make]] = {
    "alike: sequential, functional": (sequential, functional),
    "alike: sequential, subclassed": (sequential, Subclassed),
    "alike: subclassed, functional": (functional, Subclassed),
    "alike: residual": (residual, Residual),
    "alike: branches in another order": (lambda: branches("relu", "tanh"), lambda: branches("tanh", "relu")),
    "ambiguous": (lambda: branches("relu", "relu"), lambda: branches("relu", "relu")),
    "epsilon": (sequential, lambda: sequential(norm={"epsilon": 1e-5})),
    "activation": (sequential, lambda: sequential(conv={"activation": "gelu"})),
    "padding": (sequential, lambda: sequential(conv={"padding": "valid"})),
    "use_bias": (sequential, lambda: sequential(head={"use_bias": False})),
    "rate": (sequential, lambda: sequential(drop={"rate": 0.5})),
    "regularizer": (sequential, lambda: sequential(head={"kernel_regularizer": "l2"})),
    "initializer": (sequential, lambda: sequential(head={"kernel_initializer": "he_normal"})),
    "seed": (lambda: sequential(drop={"seed": 1}), lambda: sequential(drop={"seed": 2})),
    "trainable": (sequential, frozen),
    "loaded": (sequential, loaded),
    "no residual": (residual, lambda: residual(skip=False)),
    "shared": (lambda: twice(True), lambda: twice(False)),
    "branches": (lambda: branches("relu", "tanh"), lambda: branches("relu", "gelu")),
    "mask": (lambda: MaskLost(True), lambda: MaskLost(False)),
    "rounding": (lambda: scaled(layers.Dense), lambda: scaled(EinsumDense)),
}

SHAPES = {"mask": ("6:int32",)}


def look(make_a: Make, make_b: Make, shapes: tuple[str, ...] = ()) -> ModelComparison:
    a = probe_here(make_a, "a", input_shape=shapes)
    return compare_probes(a, probe_here(make_b, "b", baseline=a))


def all_pairs() -> dict[str, Any]:
    return {name: models_to_json(look(a, b, SHAPES.get(name, ()))) for name, (a, b) in PAIRS.items()}


def all_architectures(names: str) -> dict[str, Any]:
    """Compares each architecture of `tests/pin/architectures.py` with itself, in all pairs of styles."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.pin.architectures import ARCHITECTURES
    from tests.pin.building import build

    found = {}
    for name, architecture in ARCHITECTURES.items():
        if names and name not in names.split(","):
            continue
        keras.config.set_dtype_policy(architecture.policy)
        number = ":int32" if architecture.words else ""
        shapes = tuple(",".join(map(str, shape)) + number for shape in architecture.shapes)
        for n, one in enumerate(architecture.styles):
            for other in (*architecture.styles[n + 1 :], *([one] if one == "subclassed" else [])):
                compared = look(
                    lambda style=one, its=architecture: build(its, style),
                    lambda style=other, its=architecture: build(its, style),
                    shapes,
                )
                found[f"{name}: {one}, {other}"] = models_to_json(compared)
    return found


def left_alone() -> dict[str, Any]:
    """Says whether the model, and the generators of the process, are as they were after a look."""
    import random

    keras.utils.set_random_seed(3)
    model = sequential()
    before, states = model.get_weights(), (random.getstate(), np.random.get_state()[1].tolist())
    seeds = [np.array(v) for v in model.variables]
    probe_here(model, "model")
    return {
        "weights": all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)),
        "variables": all(np.array_equal(a, np.array(b)) for a, b in zip(seeds, model.variables, strict=True)),
        "generators": states == (random.getstate(), np.random.get_state()[1].tolist()),
        "draw": np.array(keras.random.normal((3,))).tolist(),
        "draw without": _draw_without(),
    }


def _draw_without() -> list[float]:
    keras.utils.set_random_seed(3)
    sequential()
    return np.array(keras.random.normal((3,))).tolist()


if __name__ == "__main__":
    chosen = sys.argv[1]
    answer = all_pairs() if chosen == "pairs" else left_alone() if chosen == "alone" else all_architectures(sys.argv[2])
    sys.stdout.write(json.dumps(answer))
