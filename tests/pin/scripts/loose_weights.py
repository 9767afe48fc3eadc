"""Weights that are made outside of any `build`: in the `__init__` of a layer, alone, or by LoRA; prints what it found.

With `--draws` there are draws and layers before each, which must not matter.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

import samefit

X = np.linspace(-1, 1, 32, dtype="float32").reshape(4, 8)
FOUND: dict[str, Any] = {}


def noise() -> None:
    if "--draws" in sys.argv:
        random.random(), np.random.rand(3), keras.random.normal((2,))
        keras.initializers.GlorotUniform()((2, 2))
        layers.Dense(3)


def digest(*weights: Any) -> str:
    values = [np.ascontiguousarray(keras.ops.convert_to_numpy(weight)) for weight in weights]
    return hashlib.md5(b"".join(value.tobytes() for value in values)).hexdigest()[:12]


def own_normal(shape: Any, dtype: Any = None) -> Any:
    return np.random.normal(size=shape)


class Added(layers.Layer):
    """Makes its weights in its `__init__`."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = self.add_weight(shape=(8, 4), initializer="glorot_uniform")
        self.scale = self.add_weight(shape=(4,), initializer=own_normal)

    def call(self, x: Any) -> Any:
        return x @ self.kernel * self.scale


class Held(Added):
    """Makes them as variables."""

    def __init__(self) -> None:
        layers.Layer.__init__(self)
        self.kernel = keras.Variable(keras.initializers.GlorotUniform(), shape=(8, 4))
        self.scale = keras.Variable(own_normal, shape=(4,))


def loose(cls: type) -> list[str]:
    """Two layers of a class, before and after their first call."""
    noise()
    one = cls()
    noise()
    other = cls()
    found = [digest(*layer.weights) for layer in (one, other)]
    one(X), other(X)
    return found + [digest(*layer.weights) for layer in (one, other)]


for cls in (Added, Held):
    with samefit.pinned(3) as scope:
        FOUND[cls.__name__] = loose(cls)
    FOUND[f"limits of {cls.__name__}"] = [limit.kind for limit in scope.report.limits]

with samefit.pinned(3):
    noise()
    FOUND["alone"] = [digest(keras.Variable("glorot_uniform", shape=(8, 4))) for _ in range(2)]

with samefit.pinned(3):
    # Updated in a loop of the user's before the layer is called.
    noise()
    layer = Added()
    keras.optimizers.SGD(0.5).apply([keras.ops.ones((8, 4))], [layer.kernel])
    updated = digest(layer.kernel)
    layer(X)
    FOUND["updated"] = [updated, digest(layer.kernel)]

with samefit.pinned(3):
    built = layers.Dense(4)
    built(X)
    FOUND["first built"] = digest(*built.weights)
    noise()
    Added()
    built = layers.Dense(4)
    built(X)
    FOUND["second built"] = digest(*built.weights)

with samefit.pinned(3):
    for _ in range(2):
        built = layers.Dense(4)
        built(X)
    FOUND["second built, no others"] = digest(*built.weights)


# LoRA: weights that a layer gets after it was built.


def model(first: Any) -> keras.Model:
    return keras.Sequential([keras.Input((8,)), first, layers.Dense(2)])


def fitted(net: Any) -> None:
    net.compile("sgd", "mse", jit_compile=False)
    net.fit(X, X[:, :2], verbose=0)


def adapters(layer: Any) -> list[Any]:
    return [weight for weight in layer.weights if "lora" in weight.name]


def with_lora(layer: Any, before: Callable[[Any], None], use: Callable[[Any], Any], net: Any) -> list[str]:
    """Digests of the adapters of a layer before they are used and after it; `b` is zeros, so `a` has no gradient."""
    before(net)
    noise()
    layer.enable_lora(2)
    noise()
    found = [digest(adapters(layer)[0])]
    use(net)
    return [*found, digest(adapters(layer)[0])]


def nothing(net: Any) -> None:
    pass


def on_values(net: Any) -> None:
    net(X)


with samefit.pinned(3):
    dense = layers.Dense(4)
    FOUND["lora, then fit"] = with_lora(dense, nothing, fitted, model(dense))
with samefit.pinned(3):
    dense = layers.Dense(4)
    FOUND["fit, lora, then fit"] = with_lora(dense, fitted, fitted, model(dense))
with samefit.pinned(3):
    dense = layers.Dense(4)
    FOUND["lora, then a call"] = with_lora(dense, nothing, on_values, model(dense))
with samefit.pinned(3):
    dense = layers.EinsumDense("ab,bc->ac", 4)
    FOUND["lora of einsum"] = with_lora(dense, nothing, fitted, model(dense))
with samefit.pinned(3):
    words = layers.Embedding(8, 4)
    net = keras.Sequential([keras.Input((3,), dtype="int32"), words])
    FOUND["lora of words"] = with_lora(words, nothing, lambda net: net(np.ones((2, 3), "int32")), net)
with samefit.pinned(3):
    dense = layers.Dense(4)
    dense.build((None, 8))
    FOUND["lora of a layer"] = with_lora(dense, nothing, lambda net: dense(X), None)
with samefit.pinned(3):
    first, second = layers.Dense(8), layers.Dense(8)
    keras.Sequential([keras.Input((8,)), first, second])
    for layer in (second, first):
        layer.enable_lora(2)
    FOUND["two adapters"] = [digest(adapters(layer)[0]) for layer in (first, second)]
with samefit.pinned(3):
    first, second = layers.Dense(8), layers.Dense(8)
    keras.Sequential([keras.Input((8,)), first, second])
    for layer in (first, second):
        layer.enable_lora(2)
    FOUND["two adapters, turned"] = [digest(adapters(layer)[0]) for layer in (first, second)]

json.dump(FOUND, sys.stdout)
