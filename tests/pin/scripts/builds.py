"""One architecture, Dense(16) - Dropout - Dense(8) - Dropout - Dense(1), in many builds."""

from __future__ import annotations

import random
import warnings

import keras
import numpy as np
from keras import layers

X = np.random.default_rng(0).normal(size=(48, 8)).astype("float32")
Y = X[:, :1] + X[:, 1:2]


def plain() -> list[layers.Layer]:
    parts = layers.Dense(16, activation="relu"), layers.Dropout(0.3), layers.Dense(8), layers.Dropout(0.2)
    return [*parts, layers.Dense(1)]


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((8,)), *plain()])


def sequential_deferred() -> keras.Model:
    return keras.Sequential(plain())


def sequential_added() -> keras.Model:
    model = keras.Sequential()
    model.add(keras.Input((8,)))
    for layer in plain():
        model.add(layer)
        np.random.random(3)
    return model


def functional_backwards() -> keras.Model:
    last = layers.Dense(1)
    layers.Dense(3)(keras.Input((4,)))  # not used
    second, middle = layers.Dropout(0.2), layers.Dense(8)
    random.random(), np.random.random(5), keras.random.normal((3,))
    layers.Dropout(0.5)
    first, begin = layers.Dropout(0.3), layers.Dense(16, activation="relu")
    inputs = keras.Input((8,))
    return keras.Model(inputs, last(second(middle(first(begin(inputs))))))


class Subclassed(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.unused = layers.Dense(8)
        self.last, self.second, self.middle = layers.Dense(1), layers.Dropout(0.2), layers.Dense(8)
        self.first, self.begin = layers.Dropout(0.3), layers.Dense(16, activation="relu")

    def call(self, x, training=None):
        x = self.first(self.begin(x), training=training)
        return self.last(self.second(self.middle(x), training=training))


class NotHandedOn(Subclassed):
    def call(self, x, training=None):
        return self.last(self.second(self.middle(self.first(self.begin(x)))))


class OwnBuild(Subclassed):
    def build(self, shape):
        self.last.build((None, 8))
        self.middle.build((None, 16))
        self.begin.build(shape)


class OnlyWhenTraining(Subclassed):
    def call(self, x, training=None):
        x = self.begin(x)
        x = self.middle(self.first(x, training=training) if training else x)
        return self.last(self.second(x, training=training) if training else x)


class Raw(Subclassed):
    """Stands for a `call` that uses functions of one framework."""

    def call(self, x, training=None):
        if isinstance(x, keras.KerasTensor):
            raise TypeError("this function takes tensors of the framework only")
        return super().call(x, training)


class EmptyBuild(Subclassed):
    """A `build` that leaves its parts to the first call, as many do that add a weight there."""

    def build(self, shape):
        pass


class RawEmptyBuild(Raw):
    def build(self, shape):
        pass


def built_by_shape() -> keras.Model:
    model = Subclassed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.build((None, 8))
    return model


class Block(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.drop, self.dense = layers.Dropout(0.3), layers.Dense(16, activation="relu")

    def call(self, x, training=None):
        return self.drop(self.dense(x), training=training)


class EmptyBuildBlock(Block):
    def build(self, shape):
        pass


class Nested(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.tail = keras.Sequential([layers.Dense(8), layers.Dropout(0.2), layers.Dense(1)])
        self.block = Block()

    def call(self, x, training=None):
        return self.tail(self.block(x, training=training), training=training)


def nested_functional() -> keras.Model:
    inner = keras.Input((16,))
    tail = keras.Model(inner, layers.Dense(1)(layers.Dropout(0.2)(layers.Dense(8)(inner))))
    head = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dropout(0.3)])
    inputs = keras.Input((8,))
    return keras.Model(inputs, tail(head(inputs)))


def block_functional() -> keras.Model:
    inputs = keras.Input((8,))
    return keras.Model(inputs, layers.Dense(1)(layers.Dropout(0.2)(layers.Dense(8)(Block()(inputs)))))


def empty_block_sequential() -> keras.Model:
    return keras.Sequential([EmptyBuildBlock(), layers.Dense(8), layers.Dropout(0.2), layers.Dense(1)])


def ran_before() -> keras.Model:
    parts = plain()
    parts[0](X)
    parts[1](X, training=True)
    return keras.Sequential([keras.Input((8,)), *parts])


def called_before() -> keras.Model:
    model = Subclassed()
    model(X[:4])
    return model


def cloned() -> keras.Model:
    return keras.models.clone_model(sequential())


def from_config() -> keras.Model:
    return keras.Model.from_config(functional_backwards().get_config())


STYLES = (
    sequential,
    sequential_deferred,
    sequential_added,
    functional_backwards,
    Subclassed,
    NotHandedOn,
    OwnBuild,
    OnlyWhenTraining,
    Raw,
    EmptyBuild,
    RawEmptyBuild,
    built_by_shape,
    empty_block_sequential,
    Nested,
    nested_functional,
    block_functional,
    ran_before,
    called_before,
    cloned,
    from_config,
)
