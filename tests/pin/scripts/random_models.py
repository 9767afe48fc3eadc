"""Random architectures, each built in several styles with other things going on in between: all start alike.

Hypothesis draws the architecture, the order in which layers are made, what is made and drawn in between and how the
parts are nested; the number of examples is the argument.
"""

from __future__ import annotations

import json
import random
import sys
import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers, ops

import samefit

warnings.filterwarnings("ignore", category=UserWarning)
WIDTH = 6
X = np.random.default_rng(0).normal(size=(4, WIDTH)).astype("float32")

KINDS: dict[str, Callable[[], Any]] = {
    "dense": lambda: layers.Dense(WIDTH, "relu"),
    "orthogonal": lambda: layers.Dense(WIDTH, kernel_initializer="orthogonal"),
    "dropout": lambda: layers.Dropout(0.3),
    "noise": lambda: layers.GaussianNoise(0.1),
    "norm": lambda: layers.BatchNormalization(),
    "activation": lambda: layers.Activation("tanh"),
}
# A step of a model: one layer, two or three arms that are joined, or a layer that ran before and runs again.
LAYER = st.sampled_from(sorted(KINDS))
ARM = st.lists(LAYER, min_size=1, max_size=3)
STEP = st.one_of(LAYER, st.lists(ARM, min_size=2, max_size=3), st.just("again"))
DISTURBANCE = st.sampled_from(["layer", "python", "numpy", "keras", "model", "seed", "nothing"])

Made = list[Any]


def make(steps: list[Any], reverse: bool, disturb: Callable[[], None]) -> Made:
    """Makes the layers of all steps, forwards or backwards."""

    def one(step: Any) -> Any:
        disturb()
        if isinstance(step, str):
            return KINDS[step]() if step != "again" else None
        order = reversed(range(len(step))) if reverse else range(len(step))
        arms = {n: make(step[n], reverse, disturb) for n in order}
        return [arms[n] for n in range(len(step))]

    order = reversed(range(len(steps))) if reverse else range(len(steps))
    made = {n: one(steps[n]) for n in order}
    return [made[n] for n in range(len(steps))]


def run(made: Made, x: Any, training: bool | None = None, backwards: bool = False) -> Any:
    """Runs the layers; arms in either order of lines, joined in one order."""
    before: Any = None
    for step in made:
        if isinstance(step, list):
            order = list(range(len(step)))
            arms = {n: run(step[n], x, training, backwards) for n in (reversed(order) if backwards else order)}
            x = ops.concatenate([arms[n] for n in order], axis=-1)[:, -WIDTH:]
        elif step is not None:
            before = step
            x = call(step, x, training)
        elif before is not None:
            x = call(before, x, training)
    return x


def call(layer: Any, x: Any, training: bool | None) -> Any:
    return layer(x, training=training) if training is not None and layer._call_has_training_arg else layer(x)


def flat(made: Made) -> list[Any]:
    return [one for step in made for one in (flat(step) if isinstance(step, list) else [step])]


class Part(layers.Layer):
    def __init__(self, made: Made, backwards: bool) -> None:
        super().__init__()
        self.parts = [one for one in flat(made)[::-1] if one is not None]
        self.unused = layers.Dense(2)
        self.run = lambda x, training: run(made, x, training, backwards)

    def call(self, x, training=None):
        return self.run(x, training)


class Subclassed(keras.Model):
    def __init__(self, made: Made, backwards: bool, cut: int | None) -> None:
        super().__init__()
        self.unused = layers.Dropout(0.5)
        if cut is None:
            self.parts = [one for one in flat(made) if one is not None]
            self.run = lambda x, training: run(made, x, training, backwards)
        else:
            self.second, self.first = Part(made[cut:], backwards), Part(made[:cut], backwards)
            self.run = lambda x, training: self.second(self.first(x, training=training), training=training)

    def call(self, x, training=None):
        return self.run(x, training)


def start_of(made: Made) -> list[Any]:
    """Weights and layer seeds, layer by layer as the steps name them."""
    found = []
    for layer in flat(made):
        if layer is not None:
            found.append([value.numpy().astype("float64").tolist() for value in layer.variables])
    return found


@st.composite
def architectures(draw: st.DrawFn) -> list[Any]:
    return ["dense", *draw(st.lists(STEP, min_size=1, max_size=4)), "dense"]


def check(steps: list[Any], reverse: bool, backwards: bool, disturbances: list[str], cut: int | None) -> None:
    pending = iter(disturbances)

    def disturb() -> None:
        {
            "layer": lambda: layers.Dense(3)(X),
            "python": random.random,
            "numpy": lambda: np.random.random(2),
            "keras": lambda: keras.random.normal((2,)),
            "model": lambda: keras.Sequential([keras.Input((2,)), layers.Dropout(0.1), layers.Dense(3)]),
            "seed": lambda: keras.utils.set_random_seed(3),
            "nothing": lambda: None,
        }[next(pending, "nothing")]()

    with samefit.pinned(5):
        plain = make(steps, False, lambda: None)
        inputs = keras.Input((WIDTH,))
        keras.Model(inputs, run(plain, inputs))
        expected = start_of(plain)
    with samefit.pinned(5):
        other = make(steps, reverse, disturb)
        inputs = keras.Input((WIDTH,))
        keras.Model(inputs, run(other, inputs, None, backwards))
        assert start_of(other) == expected, "functional"
        third = make(steps, reverse, disturb)
        # A layer that runs in two parts would be a layer of both.
        whole = cut is None or "again" in steps
        model = Subclassed(third, backwards, None if whole else min(cut, len(steps) - 1))
        model(X)
        disturb()
        assert start_of(third) == expected, "subclassed"
        if all(isinstance(step, str) and step != "again" for step in steps):
            fourth = make(steps, reverse, disturb)
            keras.Sequential(fourth)(X)
            assert start_of(fourth) == expected, "sequential"


def main(examples: int) -> None:
    tried = []

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(
        architectures(),
        st.booleans(),
        st.booleans(),
        st.lists(DISTURBANCE, max_size=6),
        st.one_of(st.none(), st.integers(1, 3)),
    )
    def prop(steps: list[Any], reverse: bool, backwards: bool, disturbances: list[str], cut: int | None) -> None:
        tried.append(steps)
        check(steps, reverse, backwards, disturbances, cut)

    prop()
    json.dump({"tried": len(tried)}, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]))
