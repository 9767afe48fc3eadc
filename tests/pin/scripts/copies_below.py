"""Networks that were set equal with the means of the framework, past Keras; prints what it found as JSON.

With `--draws` there are draws, layers and models before each, which must not matter.
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

BACKEND = keras.config.backend()
X = np.linspace(-1, 1, 64, dtype="float32").reshape(16, 4)
FOUND: dict[str, Any] = {}

Way = Callable[[Any, Any], None]


def net() -> keras.Model:
    # PyTorch's `load_state_dict` goes by names.
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(6, activation="tanh", name="first"), layers.Dense(2, name="second")],
        name="net",
    )


def other() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layers.Dense(3)])


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


def for_each(copy: Callable[[Any, Any], Any]) -> Way:
    def way(online: Any, target: Any) -> None:
        for o, t in zip(online.weights, target.weights, strict=True):
            copy(o, t)

    return way


EXACT: dict[str, Way] = {}
"""Ways that tell from which the numbers are."""
BY_VALUE: dict[str, Way] = {}
"""Ways that tell that there are new numbers, and no more."""
SHARED: dict[str, Way] = {}
"""Ways that make them one."""
UNSEEN: dict[str, Way] = {}
"""Ways that leave no trace where the two were equal before."""

if BACKEND == "torch":
    import torch

    def by_foreach(online: Any, target: Any) -> None:
        with torch.no_grad():
            torch._foreach_copy_([t.value for t in target.weights], [o.value for o in online.weights])

    def in_place(o: Any, t: Any) -> None:
        with torch.no_grad():
            t.value.copy_(o.value)

    def replaced(o: Any, t: Any) -> None:
        t.value.data = o.value.data.clone()

    def shared(o: Any, t: Any) -> None:
        t.value.data = o.value.data

    EXACT["load_state_dict"] = lambda online, target: target.load_state_dict(online.state_dict())
    BY_VALUE["copied state_dict"] = lambda online, target: target.load_state_dict(
        {name: value.clone() for name, value in online.state_dict().items()}
    )
    EXACT["data.copy_"] = for_each(lambda o, t: t.value.data.copy_(o.value.data))
    EXACT["copy_"] = for_each(in_place)
    EXACT["_foreach_copy_"] = by_foreach
    SHARED["data = data"] = for_each(shared)
    BY_VALUE["data = clone"] = for_each(replaced)
elif BACKEND == "tensorflow":
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def in_a_graph(online: Any, target: Any) -> None:
        for o, t in zip(online, target, strict=True):
            t.assign(o)

    EXACT["value.assign"] = for_each(lambda o, t: t.value.assign(o.value))
    BY_VALUE["assign a tensor"] = for_each(lambda o, t: t.value.assign(tf.identity(o.value)))
    BY_VALUE["assign an array"] = for_each(lambda o, t: t.value.assign(o.value.numpy()))
    UNSEEN["in a tf.function"] = lambda online, target: in_a_graph(
        [o.value for o in online.weights], [t.value for t in target.weights]
    )
    UNSEEN["scatter_update"] = for_each(
        lambda o, t: t.value.scatter_nd_update([[n] for n in range(o.shape[0])], o.value)
    )
else:

    def the_same_array(o: Any, t: Any) -> None:
        t._value = o._value

    def another_array(o: Any, t: Any) -> None:
        t._value = keras.ops.add(o._value, 0.0)

    SHARED["_value = _value"] = for_each(the_same_array)
    UNSEEN["_value = array"] = for_each(another_array)


SEEN = {**EXACT, **BY_VALUE}
WAYS = {**SEEN, **SHARED}


class Dqn(keras.Model):
    """Two networks, of which the target is copied when it is made."""

    def __init__(self, way: Way, *, turned: bool = False) -> None:
        super().__init__()
        self.online, self.target = net(), net()
        self.turned = turned
        way(self.online, self.target)

    def call(self, x: Any) -> Any:
        parts = (self.target, self.online) if self.turned else (self.online, self.target)
        return keras.ops.concatenate([part(x) for part in parts], axis=-1)


class Byol(keras.Model):
    """Networks and a head, with a `train_step` of its own and no `call`."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.parts = list(parts)
        self.built = True

    def train_step(self, *args: Any) -> Any:  # moves nothing: of the state on JAX, of the data elsewhere
        return ({"loss": 0.0}, args[0]) if BACKEND == "jax" else {"loss": 0.0}


def around(*parts: Any) -> Any:
    model = Byol(*parts)
    model.compile("sgd", jit_compile=False)
    model.fit(X, X, batch_size=16, verbose=0)
    return model


class Teacher(keras.Model):
    """Averages a student, below Keras as its first copy was made."""

    def __init__(self, way: Way) -> None:
        super().__init__()
        self.head, self.student = layers.Dense(4), net()
        self.average = [
            keras.Variable(np.zeros(w.shape), dtype="float32", trainable=False) for w in self.student.weights
        ]
        way(self.student, self)

    @property
    def weights(self) -> list[Any]:
        return self.average

    def call(self, x: Any) -> Any:
        return self.student(self.head(x))


class Begin(keras.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> None:
        self.equal = same(self.model.online, self.model.target)


def trained(agent: Any) -> list[Any]:
    begin = Begin()
    agent.compile("sgd", "mse", jit_compile=False)
    history = agent.fit(X, np.zeros((16, 4)), batch_size=8, verbose=0, callbacks=[begin]).history
    return [begin.equal, digest(agent.online.weights), *history["loss"]]


def made(way: Way, **options: bool) -> Dqn:
    noise()
    return Dqn(way, **options)


def by_set_weights(online: Any, target: Any) -> None:
    target.set_weights(online.get_weights())


def said(scope: Any) -> list[str]:
    # Several models of this script are built alike.
    return sorted({limit.kind for limit in scope.report.limits} - {"equal-models"})


def differing() -> tuple[keras.Model, keras.Model]:
    """Two that differ: the second had its place in another model."""
    online, target = net(), net()
    keras.Sequential([keras.Input((4,)), layers.Dense(4), target])
    assert not same(online, target)
    return online, target


with samefit.pinned(3) as scope:
    FOUND["alone"] = digest(net().weights)
    FOUND["by Keras"] = [trained(made(by_set_weights, turned=turned)) for turned in (False, True)]
    FOUND["trained"] = {
        name: [trained(made(way, turned=turned)) for turned in (False, True)] for name, way in SEEN.items()
    }
    FOUND["shared"] = [trained(made(way, turned=turned))[0] for way in SHARED.values() for turned in (False, True)]
    FOUND["differed before"] = {}
    for name, way in {**WAYS, **UNSEEN}.items():
        if "state_dict" in name:
            continue  # the names are others then
        online, target = differing()
        way(online, target)
        around(other(), online, target)
        FOUND["differed before"][name] = same(online, target) and digest(online.weights) != FOUND["alone"]
    FOUND["teachers"] = {}
    for name, way in WAYS.items():
        if "state_dict" not in name:
            teacher = Teacher(way)
            teacher(X)
            equal = digest(teacher.average) == digest(teacher.student.weights)
            FOUND["teachers"][name] = equal and digest(teacher.student.weights) != FOUND["alone"]
    # Nothing moves what was compiled or trained.
    FOUND["after compile"], FOUND["after training"] = {}, {}
    for name, way in WAYS.items():
        online, target = net(), net()
        online.compile("sgd", "mse", jit_compile=False)
        way(online, target)
        around(other(), online, target)
        FOUND["after compile"][name] = same(online, target)
        online, target = net(), net()
        online.compile("sgd", "mse", jit_compile=False)
        online.fit(X, X[:, :2], verbose=0)
        way(online, target)
        before = digest(online.weights)
        around(other(), online, target)
        FOUND["after training"][name] = same(online, target) and digest(target.weights) == before
    FOUND["each target is its critic"] = {}
    for name, way in {**EXACT, **SHARED}.items():
        critics, targets = (net(), net()), (net(), net())
        for critic, target in zip(critics, targets, strict=True):
            way(critic, target)
        around(*targets, *critics)
        equal = all(same(*pair) for pair in zip(critics, targets, strict=True))
        FOUND["each target is its critic"][name] = equal and not same(*critics)
FOUND["limits"] = said(scope)

FOUND["which of two"] = {}
for name, way in BY_VALUE.items():
    with samefit.pinned(3) as scope:
        critics, targets = (net(), net()), (net(), net())
        for critic, target in zip(critics, targets, strict=True):
            way(critic, target)
        around(*targets, *critics)
    FOUND["which of two"][name] = [*said(scope), all(digest(target.weights) == FOUND["alone"] for target in targets)]


def kept(change: Callable[[Any, Any], Any]) -> bool:
    """Whether a target keeps what it was given past Keras, in a model that moves the network it was made from."""
    network, target = net(), net()
    for_each(change)(network, target)
    before = digest(target.weights)
    around(other(), network, target)
    return digest(target.weights) == before and digest(network.weights) != FOUND["alone"]


def put(variable: Any, value: Any) -> None:
    if BACKEND == "torch":
        variable.value.data.copy_(torch.tensor(value))
    elif BACKEND == "tensorflow":
        variable.value.assign(value)
    else:
        variable._value = keras.ops.convert_to_tensor(value)


def not_copied() -> bool:
    """Two networks that are built alike, and nothing else."""
    one, two = net(), net()
    around(one, two)
    return not same(one, two)


def moved() -> bool:
    """Two networks, of which one went to other memory and back to its kind of numbers, and nothing else."""
    one, two = net(), net()
    if BACKEND == "torch":
        two.share_memory().double().float()
    around(one, two)
    return not same(one, two)


def trained_alike() -> bool:
    """Two networks that were trained alike, one of them after a look at what it predicts."""
    pair = net(), net()
    pair[1].predict(X, verbose=0)
    for one in pair:
        one.compile("sgd", "mse", jit_compile=False)
        one.fit(X, X[:, :2], verbose=0)
    before = [digest(one.weights) for one in pair]
    around(other(), *pair)
    return [digest(one.weights) for one in pair] == before


def predicted() -> bool:
    """As above, where both were run before: Keras on JAX puts their arrays back then."""
    one, two = net(), net()
    one.predict(X, verbose=0), two.predict(X, verbose=0)
    around(one, two)
    return not same(one, two)


with samefit.pinned(3) as scope:
    FOUND["stays"] = {
        "scaled": kept(lambda o, t: put(t, 0.5 * keras.ops.convert_to_numpy(o))),
        "zeros": kept(lambda o, t: put(t, np.zeros(o.shape, "float32"))),
        "soft": kept(lambda o, t: put(t, keras.ops.convert_to_numpy(t) * 0.9 + keras.ops.convert_to_numpy(o) * 0.2)),
        "not copied": not_copied(),
        "moved": moved(),
        "trained alike": trained_alike(),
        "predicted": predicted(),
    }
    # Constants are equal without being copies.
    network = keras.Sequential([keras.Input((4,)), layers.Dense(4, kernel_initializer="zeros"), layers.Dense(4)])
    by_value = net()
    for variable in by_value.weights:
        put(variable, np.zeros(variable.shape, "float32"))
    around(network, by_value)
    FOUND["stays"]["constants"] = not any(np.any(keras.ops.convert_to_numpy(v)) for v in by_value.weights)
FOUND["limits of what stays"] = said(scope)

json.dump(FOUND, sys.stdout)
