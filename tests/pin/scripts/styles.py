"""One architecture in many builds, and what else must (not) change weights; prints what it found as JSON."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
import tempfile
import warnings
from pathlib import Path

import keras
import numpy as np
from builds import (
    STYLES,
    Nested,
    NotHandedOn,
    Raw,
    RawEmptyBuild,
    X,
    Y,
    built_by_shape,
    functional_backwards,
    sequential,
    sequential_deferred,
)
from keras import layers, ops

import samefit

# Keras says of a model with an unused layer that it has unbuilt state.
warnings.filterwarnings("ignore", message=".*unbuilt state", category=UserWarning)

FOUND: dict[str, object] = {"backend": keras.config.backend()}


def digest(model: keras.Model) -> str:
    """Of all weights, whatever their order in the model: shapes differ within one architecture here."""
    values = sorted(weight.numpy().astype("float64").tobytes() for weight in model.weights)
    return hashlib.sha256(b"".join(values)).hexdigest()[:16]


def built(model: keras.Model) -> list[object]:
    """What a training starts from: weights, and seeds of layers (of those that are used)."""
    if not model.built or not model.weights:
        model(X[:2])
    seeds = {tuple(v.numpy().tolist()) for v in model.variables if "seed_generator_state" in v.path}
    return [digest(model), sorted(seeds)]


def trained(model: keras.Model) -> list[object]:
    # Without compiling, this takes a third of the time on JAX; the slow test compiles.
    model.compile("adam", "mse", jit_compile="auto" if "--all" in sys.argv else False)
    losses = model.fit(X, Y, epochs=2, batch_size=16, verbose=0).history["loss"]
    return [digest(model), *losses]


TRAINED = (functional_backwards, NotHandedOn, Raw, Nested, sequential_deferred, built_by_shape, RawEmptyBuild)

with samefit.pinned(11) as scope:
    FOUND["built"] = {style.__name__: built(style()) for style in STYLES}
    every = STYLES if "--all" in sys.argv else TRAINED
    FOUND["trained"] = {style.__name__: trained(style()) for style in every}
    FOUND["trained backwards"] = {style.__name__: trained(style()) for style in reversed(TRAINED[:2])}
    FOUND["limits of styles"] = sorted({(limit.kind, limit.text) for limit in scope.report.limits})
    FOUND["lines"] = [limit.location.code for limit in scope.report.limits if limit.location is not None]

with samefit.pinned(12):
    FOUND["another seed"] = trained(sequential())


# Branches, shared layers, several inputs and outputs.


def branches_functional(swapped: bool = False) -> keras.Model:
    a, b = keras.Input((8,), name="a"), keras.Input((4,), name="b")
    shared, left, right, one, two = (layers.Dense(n) for n in (6, 5, 3, 1, 2))
    drop_left, drop_right = layers.Dropout(0.5), layers.Dropout(0.4)
    if swapped:
        second = drop_right(right(b))
        first = drop_left(left(shared(shared_in(a))))
    else:
        first = drop_left(left(shared(shared_in(a))))
        second = drop_right(right(b))
    joined = layers.Concatenate()([first, second, shared(shared_in(a) * 2.0)])
    return keras.Model([a, b], [one(joined), two(joined)])


def shared_in(x):
    return ops.tanh(x)


class Branches(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.two, self.one, self.right, self.left, self.shared = (layers.Dense(n) for n in (2, 1, 3, 5, 6))
        self.drop_left, self.drop_right = layers.Dropout(0.5), layers.Dropout(0.4)

    def call(self, inputs, training=None):
        a, b = inputs
        second = self.drop_right(self.right(b), training=training)
        again = self.shared(shared_in(a) * 2.0)
        first = self.drop_left(self.left(self.shared(shared_in(a))), training=training)
        joined = ops.concatenate([first, second, again], axis=-1)
        return [self.one(joined), self.two(joined)]


def two_trained(model: keras.Model) -> list[object]:
    model.compile("sgd", ["mse", "mse"])
    targets = [Y, np.concatenate([Y, Y], axis=1)]
    return [*model.fit([X, X[:, :4]], targets, epochs=2, batch_size=16, verbose=0).history["loss"], digest(model)]


with samefit.pinned(3):
    FOUND["branches"] = [two_trained(m) for m in (branches_functional(), branches_functional(True), Branches())]


# Two parts of one model that are built alike differ; interchangeable branches are named.
with samefit.pinned(3) as scope:
    inputs = keras.Input((8,))
    arms = [keras.Sequential([keras.Input((8,)), layers.Dense(4)]) for _ in range(2)]
    twins = keras.Model(inputs, layers.Add()([arm(inputs) for arm in arms]))
    FOUND["twins differ"] = bool(np.any(arms[0].get_weights()[0] != arms[1].get_weights()[0]))
    FOUND["twins"] = [(limit.kind, limit.text) for limit in scope.report.limits]
with samefit.pinned(3) as scope:
    inputs = keras.Input((8,))
    keras.Model(inputs, layers.Add()([inputs, layers.Dense(8)(inputs)]))
    keras.Model(inputs, layers.Add()([layers.Dense(8)(inputs), layers.Dense(8, use_bias=False)(inputs)]))
    keras.Model(inputs, layers.Concatenate()([layers.Dense(8)(inputs), layers.Dense(8)(inputs)]))
    FOUND["not interchangeable"] = [limit.kind for limit in scope.report.limits]


# A `call` that draws, assigns and adds losses by itself: looking at it changes nothing.
class Effects(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.seeds = keras.random.SeedGenerator()
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.average = self.add_weight(shape=(16,), initializer="zeros", trainable=False)

    def call(self, x, training=None):
        self.calls.assign_add(1)
        self.average.assign(0.9 * self.average + 0.1 * ops.mean(x, axis=0))
        self.add_loss(ops.mean(x**2))
        x = ops.sigmoid(self.calls) * (self.calls + x)
        return keras.random.dropout(x, 0.3, seed=self.seeds) + keras.random.normal(ops.shape(x), seed=self.seeds)


class WithEffects(Effects):
    """The same with the layer before it inside, such that its `call` is taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(16)

    def call(self, x, training=None):
        return super().call(self.dense(x), training=training)


class EffectsModel(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.head, self.effects = layers.Dense(1), WithEffects()

    def call(self, x, training=None):
        return self.head(self.effects(x, training=training))


effects = {
    "inside": lambda: keras.Sequential([keras.Input((8,)), WithEffects(), layers.Dense(1)]),
    "subclassed": EffectsModel,
}
with samefit.pinned(3) as scope:
    FOUND["effects"] = {}
    for name, make in effects.items():
        model = make()
        model(X[:2])
        FOUND["effects"][name] = built(model)
    FOUND["limits of effects"] = sorted({limit.kind for limit in scope.report.limits})
    model = EffectsModel()
    model.compile("sgd", "mse")
    model.build((None, 8))
    model(X)
    FOUND["looking counts as no call"] = float(model.effects.calls.numpy()) == 1.0


# What the user chose stays.
def seeded() -> keras.Model:
    glorot = keras.initializers.GlorotUniform
    parts = layers.Dense(4, kernel_initializer=glorot(seed=5)), layers.Dropout(0.5, seed=7), layers.Dense(2)
    return keras.Sequential([keras.Input((8,)), *parts])


native = seeded()
with samefit.pinned(3):
    pinned_one = seeded()
    FOUND["explicit weights stay"] = bool(np.all(native.get_weights()[0] == pinned_one.get_weights()[0]))
    state = pinned_one.layers[1].seed_generator.state.numpy()
    FOUND["explicit seed stays"] = state.tolist() == [7, 0]
    FOUND["the others are pinned"] = bool(np.any(native.get_weights()[2] != pinned_one.get_weights()[2]))

    inner = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
    inner.set_weights([np.full((8, 4), 0.25), np.zeros(4)])
    outer = keras.Sequential([keras.Input((8,)), inner, layers.Dense(2)])
    FOUND["assigned stay"] = bool(np.all(inner.get_weights()[0] == 0.25))

    compiled = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dense(1)])
    compiled.compile("sgd", "mse")
    before = digest(compiled)
    keras.Sequential([keras.Input((8,)), layers.Dense(4), compiled])
    FOUND["compiled stay"] = digest(compiled) == before

    model = sequential()
    before = digest(model)
    keras.Model(model.inputs, [layer.output for layer in reversed(model.layers)])
    keras.Model(model.inputs, model.layers[2].output)
    FOUND["looking inside changes nothing"] = digest(model) == before

    with tempfile.TemporaryDirectory() as folder:
        model.compile("sgd", "mse")
        model.fit(X, Y, epochs=1, verbose=0)
        model.save(Path(folder) / "m.keras")
        loaded = keras.models.load_model(Path(folder) / "m.keras")
        keras.Sequential([keras.Input((8,)), layers.Dense(8), loaded])
        FOUND["loaded stay"] = digest(loaded) == digest(model)


# Nested scopes and exceptions.
with samefit.pinned(1):
    outside = digest(sequential())
    with contextlib.suppress(KeyError), samefit.pinned(2):
        within = digest(sequential())
        raise KeyError
    again = digest(sequential())
with samefit.pinned(2):
    FOUND["inner scope is its own"] = digest(sequential()) == within != outside
FOUND["outer scope goes on"] = again == outside
FOUND["patches are gone"] = all(
    not function.__code__.co_filename.startswith(str(Path(samefit.__file__).parent))
    for function in (
        keras.layers.Layer._maybe_build,
        keras.layers.Layer.stateless_call,
        keras.initializers.GlorotUniform.__call__,
        keras.random.SeedGenerator.__init__,
    )
)
random.seed(4)
first = keras.layers.Dense(3).kernel_initializer.seed
random.seed(4)
FOUND["seeds are Keras's own again"] = keras.layers.Dense(3).kernel_initializer.seed == first


# Limits.
class NoTraining(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense, self.drop = layers.Dense(3), layers.Dropout(0.5)

    def call(self, x):
        return self.drop(self.dense(x))


class Container(keras.Model):
    """Several models with a training of its own, never called."""

    def __init__(self) -> None:
        super().__init__()
        self.one = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
        self.two = keras.Sequential([keras.Input((8,)), layers.Dense(4)])
        self.built = True


built_before = sequential()
built_before.compile("sgd", "mse")
with samefit.pinned(1) as scope:
    NoTraining()(X)
    FOUND["no training"] = [limit.kind for limit in scope.report.limits]
with samefit.pinned(1) as scope:
    built_before.fit(X, Y, verbose=0)
    FOUND["built before"] = [limit.kind for limit in scope.report.limits]
with samefit.pinned(1) as scope:
    trained(sequential()), trained(sequential()), trained(sequential())
    FOUND["equal models"] = [limit.kind for limit in scope.report.limits]
with samefit.pinned(1) as scope:
    container = Container()
    container.compile("sgd", "mse")
    with contextlib.suppress(Exception):
        container.fit(X, Y, verbose=0)
    FOUND["models of a container differ"] = bool(
        np.any(container.one.get_weights()[0] != container.two.get_weights()[0])
    )

json.dump(FOUND, sys.stdout)
