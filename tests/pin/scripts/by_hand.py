"""Layers that are built by hand, or called, outside of any model: digests of their weights before and after."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import keras
import numpy as np
from keras import layers

import samefit

X = np.linspace(-1, 1, 32, dtype="float32").reshape(4, 8)
FOUND: dict[str, Any] = {}


def digest(layer: Any) -> str:
    values = [np.asarray(keras.ops.convert_to_numpy(weight)) for weight in layer.weights]
    return hashlib.md5(b"".join(value.tobytes() for value in values)).hexdigest()


def dense(units: int = 4, inputs: int = 8) -> Any:
    layer = layers.Dense(units)
    layer.build((None, inputs))
    return layer


class Block(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.last, self.first = layers.Dense(1), layers.Dense(4)

    def build(self, shape: Any) -> None:
        self.last.build((None, 4))
        self.first.build(shape)

    def call(self, x: Any) -> Any:
        return self.last(self.first(x))


class Counted(layers.Layer):
    """Its `build` takes no shape."""

    def build(self, inputs: int) -> None:
        self.kernel = self.add_weight(shape=(inputs, 4), initializer="glorot_uniform")

    def call(self, x: Any) -> Any:
        return x @ self.kernel


class Model(keras.Model):
    def __init__(self, where: str) -> None:
        super().__init__()
        self.where = where
        self.last, self.first = layers.Dense(1), layers.Dense(4)
        if where == "init":
            self.parts()
        elif where == "half":
            self.last.build((None, 4))

    def parts(self) -> None:
        self.last.build((None, 4))
        self.first.build((None, 8))

    def build(self, shape: Any) -> None:
        if self.where == "build":
            self.parts()

    def call(self, x: Any) -> Any:
        return self.last(self.first(x))


class Values(Model):
    def call(self, x: Any) -> Any:
        return self.last(self.first(x if float(keras.ops.sum(x)) < 1e9 else -x))


# Keras builds nothing of it before it runs.
Values.build = keras.Model.build


def twice(make: Any) -> list[str]:
    """Returns a digest of a layer that was built by hand, and of it after its first call and its second."""
    with samefit.pinned(3):
        layer = make()
        found = [digest(layer)]
        for _ in range(2):
            layer(X)
            found.append(digest(layer))
    return found


def attention() -> Any:
    layer = layers.MultiHeadAttention(2, 4)
    layer.build((None, 3, 8), (None, 3, 8))
    before = digest(layer)
    layer(X[:3][None], X[:3][None])
    return [before, digest(layer)]


def block() -> Any:
    made = Block()
    made.build((None, 8))
    return made


def counted() -> Any:
    made = Counted()
    made.build(8)
    return made


FOUND["dense"] = twice(dense)
FOUND["dense, only called"] = twice(lambda: (lambda layer: (layer(X), layer)[1])(layers.Dense(4)))[:1]
FOUND["block"] = twice(block)
FOUND["block, only called"] = twice(lambda: (lambda layer: (layer(X), layer)[1])(Block()))[:1]
FOUND["counted"] = twice(counted)
with samefit.pinned(3):
    FOUND["attention"] = attention()

with samefit.pinned(3) as scope:
    one, other = dense(), dense()
    FOUND["two differ"] = digest(one) != digest(other)
    other.set_weights(one.get_weights())
    one(X), other(X)
    FOUND["a copy stays one"] = digest(one) == digest(other)
    cell = layers.LSTMCell(4)
    cell.build((None, 8))
    FOUND["cell"] = [digest(cell)]
    layers.RNN(cell)(X[None])
    FOUND["cell"].append(digest(cell))
    trained = dense(1)
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.apply(
        [keras.ops.ones(weight.shape) for weight in trained.trainable_variables], trained.trainable_variables
    )
    FOUND["updated"] = [digest(trained)]
    trained(X)
    FOUND["updated"].append(digest(trained))
    again = layers.deserialize(layers.serialize(one))
    FOUND["deserialized"] = [digest(again)]
    again(X)
    FOUND["deserialized"].append(digest(again))
FOUND["limits"] = [limit.kind for limit in scope.report.limits]


def built(make: Any) -> str:
    with samefit.pinned(3):
        return digest(make())


def sequential(first: Any, last: Any) -> Any:
    model = keras.Sequential([first, last])
    model.build((None, 8))
    return model


def functional(first: Any, last: Any) -> Any:
    inputs = keras.Input((8,))
    return keras.Model(inputs, last(first(inputs)))


def by_hand(make: Any) -> Any:
    last = dense(1, 4)
    first = dense(4)
    return make(first, last)


def subclassed(where: str, call: bool) -> Any:
    model = Model(where)
    model(X) if call else model.build((None, 8))
    return _Ordered(model)


class _Ordered:
    """The weights of a model in the order in which its layers run."""

    def __init__(self, model: Any) -> None:
        self.weights = model.first.weights + model.last.weights


FOUND["models"] = {
    "sequential": built(lambda: sequential(layers.Dense(4), layers.Dense(1))),
    "sequential by hand": built(lambda: by_hand(sequential)),
    "functional by hand": built(lambda: by_hand(functional)),
    "built in build": built(lambda: subclassed("build", call=False)),
    "built in build, called": built(lambda: subclassed("build", call=True)),
    "built in __init__": built(lambda: subclassed("init", call=True)),
}


def by_values(where: str) -> Any:
    model = Values(where)
    model(X)
    return _Ordered(model)


FOUND["order of run"] = [built(lambda: by_values("none")), built(lambda: by_values("half"))]

with samefit.pinned(3):
    by_hand(functional), by_values("half")
    keras.Sequential.from_config(sequential(layers.Dense(4), layers.Dense(1)).get_config())
    FOUND["after models"] = digest(dense())

with samefit.pinned(3):
    alone = layers.Dense(4)
    alone(keras.Input((8,)))
    alone(X)
    FOUND["called on symbolic tensors first"] = digest(alone)

with samefit.pinned(3):
    four = [dense(), dense(), dense()]
    by_values("none")
    sequential(layers.Dense(4), layers.Dense(1))
    four.append(layers.Dense(4))
    four[-1](X)
    FOUND["four differ"] = len(set(map(digest, four))) == 4

json.dump(FOUND, sys.stdout)
