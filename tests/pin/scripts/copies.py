"""Weights that the user set equal to others, and models around both; prints what it found as JSON.

With `--draws` there are draws, layers and models before each, which must not matter.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

import samefit

X = np.linspace(-1, 1, 64, dtype="float32").reshape(16, 4)
FOUND: dict[str, Any] = {}


def net() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(6, activation="tanh"), layers.Dense(2)])


def noise() -> None:
    if "--draws" in sys.argv:
        random.random(), np.random.rand(3), keras.random.normal((2,))
        keras.initializers.GlorotUniform()((2, 2))
        keras.Sequential([keras.Input((5,)), layers.Dense(2)])


def digest(weights: list[Any]) -> str:
    values = [np.ascontiguousarray(keras.ops.convert_to_numpy(weight)) for weight in weights]
    return hashlib.md5(b"".join(value.tobytes() for value in values)).hexdigest()[:12]


def same(*models: Any) -> bool:
    return len({digest(model.weights) for model in models}) == 1


# Ways to make one equal to another.


def by_set_weights(online: Any, target: Any) -> None:
    target.set_weights(online.get_weights())


def by_assign(online: Any, target: Any) -> None:
    for o, t in zip(online.weights, target.weights, strict=True):
        t.assign(o)


def by_values(online: Any, target: Any) -> None:
    for o, t in zip(online.weights, target.weights, strict=True):
        t.assign(o.value)


def by_numpy(online: Any, target: Any) -> None:
    for o, t in zip(online.weights, target.weights, strict=True):
        t.assign(np.array(keras.ops.convert_to_numpy(o)))


def by_file(online: Any, target: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        online.save_weights(Path(folder) / "it.weights.h5")
        target.load_weights(Path(folder) / "it.weights.h5")


def after_other_values(online: Any, target: Any) -> None:
    target.set_weights([np.ones_like(value) for value in target.get_weights()])
    by_set_weights(online, target)


def through_another(online: Any, target: Any) -> None:
    between = net()
    by_set_weights(online, between)
    by_set_weights(between, target)


WAYS = (by_set_weights, by_assign, by_values, by_numpy, by_file, after_other_values, through_another)


class Agent(keras.Model):
    """Makes two networks, and the one equal to the other, as BYOL, MoCo, DQN and a mean teacher do."""

    def __init__(self, way: Callable[[Any, Any], None], *, cloned: bool = False, turned: bool = False) -> None:
        super().__init__()
        self.online = net()
        self.target = keras.models.clone_model(self.online) if cloned else net()
        self.turned = turned
        way(self.online, self.target)

    def call(self, x: Any) -> Any:
        # Which of the two is looked at first must not matter.
        parts = (self.target, self.online) if self.turned else (self.online, self.target)
        return keras.ops.concatenate([part(x) for part in parts], axis=-1)


class Around(keras.Model):
    """Around networks, with a `train_step` of its own and no `call`."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.parts = list(parts)
        self.built = True

    def train_step(self, *args: Any) -> Any:  # moves nothing: of the state on JAX, of the data elsewhere
        return ({"loss": 0.0}, args[0]) if keras.config.backend() == "jax" else {"loss": 0.0}


def around(*parts: Any) -> keras.Model:
    model = Around(*parts)
    model.compile("sgd", jit_compile=False)
    model.fit(X, X, batch_size=16, verbose=0)
    return model


def made(way: Callable[[Any, Any], None], **options: bool) -> Agent:
    noise()
    return Agent(way, **options)


class Begin(keras.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.equal = same(self.model.online, self.model.target)


def trained(agent: Any) -> list[Any]:
    """Whether the two are equal when the training begins, and what comes of it."""
    begin = Begin()
    agent.compile("sgd", "mse", jit_compile=False)
    history = agent.fit(X, np.zeros((16, 4)), batch_size=8, verbose=0, callbacks=[begin]).history
    return [begin.equal, digest(agent.online.weights), *history["loss"]]


def said(scope: Any) -> list[str]:
    # Several models of this script are built alike.
    return sorted({limit.kind for limit in scope.report.limits} - {"equal-models"})


with samefit.pinned(3) as scope:
    FOUND["alone"] = digest(net().weights)
    FOUND["trained"] = {way.__name__: trained(made(way)) for way in WAYS}
    FOUND["trained"]["a clone"] = trained(made(by_set_weights, cloned=True))
    FOUND["turned"] = {way.__name__: trained(made(way, turned=True)) for way in WAYS}
    agent = made(by_set_weights, turned=True)
    agent(X)
    FOUND["moved"] = digest(agent.online.weights) if same(agent.online, agent.target) else "unequal"
FOUND["limits"] = said(scope)


class Later(Agent):
    """Builds both by hand, and copies when it is built itself."""

    def __init__(self) -> None:
        super().__init__(lambda online, target: None)
        self.online = keras.Sequential([layers.Dense(6), layers.Dense(2)])
        self.target = keras.Sequential([layers.Dense(6), layers.Dense(2)])

    def build(self, shape: Any) -> None:
        self.online.build(shape)
        self.target.build(shape)
        by_set_weights(self.online, self.target)


class Average(keras.Model):
    """Holds an average of its own of the weights of a network."""

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self.network = net()
        self.average = [make(weight) for weight in self.network.weights]
        self.first = layers.Dense(4)

    def call(self, x: Any) -> Any:
        return self.network(self.first(x))

    def equal(self) -> bool:
        self(X)
        return digest(self.network.weights) == digest(self.average)


def variable_of(weight: Any) -> Any:
    variable = keras.Variable(np.zeros(weight.shape), dtype="float32", trainable=False)
    variable.assign(weight)
    return variable


with samefit.pinned(3) as scope:
    noise()
    later = Later()
    later(X)
    FOUND["copied in build"] = same(later.online, later.target)
    FOUND["averages"] = [
        Average(make).equal()
        for make in (
            lambda weight: keras.Variable(weight, trainable=False),
            lambda weight: keras.Variable(weight.numpy(), trainable=False),
            lambda weight: keras.Variable(weight.value, trainable=False),
            variable_of,
        )
    ]
    # Two critics, and a target of each: as they are made, all four are equal.
    critics, targets = (net(), net()), (net(), net())
    for critic, target in zip(critics, targets, strict=True):
        by_set_weights(critic, target)
    around(*targets, *critics)
    FOUND["critics differ"] = not same(*critics)
    FOUND["each target is its critic"] = [same(*pair) for pair in zip(critics, targets, strict=True)]
    # The model around one of them only.
    network, outside = net(), net()
    by_assign(network, outside)
    around(net(), network)
    FOUND["a copy outside goes along"] = [same(network, outside), digest(network.weights) != FOUND["alone"]]
    network, inside = net(), net()
    by_assign(network, inside)
    around(net(), inside)
    FOUND["the original outside"] = [digest(network.weights), digest(inside.weights)]
FOUND["limits of others"] = said(scope)

with samefit.pinned(3) as scope:
    critics, targets = (net(), net()), (net(), net())
    for critic, target in zip(critics, targets, strict=True):
        by_file(critic, target)
    around(*targets, *critics)
    FOUND["which of two"] = [digest(target.weights) for target in targets]
FOUND["limits of which of two"] = said(scope)


def kept(change: Callable[[Any, Any], list[Any]]) -> bool:
    """Whether a target keeps what it was given, in a model that moves the network it was made from."""
    network, target = net(), net()
    target.set_weights(change(network, target))
    before = digest(target.weights)
    around(net(), network, target)
    return digest(target.weights) == before and digest(network.weights) != FOUND["alone"]


def restored() -> bool:
    """A network that was trained and put back to where it began, and a model around one that is built alike."""
    network = net()
    with tempfile.TemporaryDirectory() as folder:
        network.save_weights(Path(folder) / "it.weights.h5")
        around(network)
        network.load_weights(Path(folder) / "it.weights.h5")
    before = digest(network.weights)
    around(net(), net())
    return digest(network.weights) == before


def set_apart() -> bool:
    """A copy that was trained since."""
    network, target = net(), net()
    by_set_weights(network, target)
    target.compile("sgd", "mse", jit_compile=False)
    target.fit(X, X[:, :2], verbose=0)
    before = digest(target.weights)
    around(net(), network, target)
    return digest(target.weights) == before


with samefit.pinned(3) as scope:
    FOUND["stays"] = {
        "scaled": kept(lambda network, target: [0.5 * value for value in network.get_weights()]),
        "averaged": kept(lambda network, target: [0.5 * (value + 1) for value in network.get_weights()]),
        "changed in place": kept(lambda network, target: [np.add(v, 1, out=v) for v in network.get_weights()]),
        "zeros": kept(lambda network, target: [np.zeros_like(value) for value in network.get_weights()]),
        "restored": restored(),
        "trained since": set_apart(),
    }
    # Constants are equal without being copies.
    network = keras.Sequential([keras.Input((4,)), layers.Dense(4, kernel_initializer="zeros"), layers.Dense(4)])
    by_value = net()
    by_value.set_weights([np.zeros_like(value) for value in by_value.get_weights()])
    around(network, by_value)
    FOUND["stays"]["constants"] = not any(np.any(value) for value in by_value.get_weights())
FOUND["limits of what stays"] = said(scope)

json.dump(FOUND, sys.stdout)
