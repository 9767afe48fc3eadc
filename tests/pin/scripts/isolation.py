"""What surrounds a training must not shift it: prints, as JSON, the digest of the training in many surroundings."""

from __future__ import annotations

import functools
import json
import random
import sys

import keras
import numpy as np
from one_training import Haze, X, Y, digest, fit
from one_training import make as make_any

import samefit

FOUND: dict[str, object] = {}
make = functools.partial(make_any, eager=True)


class Draws(keras.callbacks.Callback):
    """Draws from every generator at every hook, and runs the model."""

    def __init__(self, runs: bool = True):
        super().__init__()
        self.runs = runs
        self.drawn: list[float] = []

    def draw(self, *_, logs=None):
        self.drawn.append(random.random())
        np.random.random(3)
        keras.random.normal((2,))
        framework_draw()

    def on_train_batch_end(self, batch, logs=None):
        self.draw()
        if self.runs:
            self.model.evaluate(X[:5], Y[:5], verbose=0)
            self.model.predict(X[:5], verbose=0)
            self.model(X[:5], training=True)

    def on_epoch_end(self, epoch, logs=None):
        self.draw()
        if self.runs:
            self.model(X[:5], training=True)

    on_train_begin = on_epoch_begin = on_train_batch_begin = draw


class Stumble(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            raise KeyboardInterrupt


class TrainsAnother(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.digest = fit(make())


def framework_draw() -> None:
    if keras.config.backend() == "torch":
        import torch

        torch.rand(3)
    else:
        import tensorflow as tf

        tf.random.uniform((3,))


def stumble() -> str:
    model = make()
    try:
        fit(model, callbacks=[Stumble()])
    except KeyboardInterrupt:
        return fit(make())
    raise AssertionError("it did not stumble")


def before(*steps) -> str:
    model = make()
    for step in steps:
        step(model)
    return fit(model)


def twice(between=lambda _: None) -> str:
    model = make()
    fit(model)
    between(model)
    return fit(model)


def calls(model) -> None:
    """As a user who looks at what a model gives: all of it, while training, and one layer."""
    model(X)
    model(X[:3], training=True)
    model.layers[1](np.ones((2, 6), "float32"), training=True)


def built_by_a_call(look: bool) -> str:
    model = keras.Sequential([keras.layers.Dense(6), keras.layers.Dropout(0.4, seed=3), Haze(), keras.layers.Dense(1)])
    if look:
        calls(model)
    model.compile("adam", "mse", run_eagerly=True, jit_compile=False)
    return fit(model)


class Always(keras.layers.Dropout):
    """Drops in a prediction, too."""

    def call(self, inputs, training=None):
        return super().call(inputs, training=True)


def values_of(array) -> str:
    return array.tobytes().hex()


def monte_carlo(passes: int) -> dict[str, object]:
    """Predicts some times with dropout, and with noise from a generator of the process, then trains."""
    inputs = keras.Input(X.shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(1)(Always(0.5)(keras.layers.Dense(6)(inputs))))
    model.compile("adam", "mse", run_eagerly=True, jit_compile=False)

    def batches():
        yield (X + np.random.normal(size=X.shape).astype("float32"),)

    seen = [values_of(model.predict(X, verbose=0)) for _ in range(passes)]
    mixed = [values_of(model.predict(batches(), verbose=0)) for _ in range(passes)]
    return {"seen": seen, "mixed": mixed, "trained": fit(model), "after": values_of(model.predict(X, verbose=0))}


def wrong_arguments_first() -> str:
    model = make()
    try:
        model.fit(X, Y[:5], verbose=0)
    except ValueError:
        return fit(model)
    raise AssertionError("it trained on arrays of different lengths")


with samefit.pinned(42):
    FOUND["alone"] = fit(make())
with samefit.pinned(42):
    FOUND["surroundings"] = {
        "again": fit(make()),
        "after draws": before(lambda _: (Draws().draw(), np.random.seed(5), random.seed(6))),
        "after evaluate": before(lambda model: model.evaluate(X, Y, verbose=0)),
        "after predict": before(lambda model: model.predict(X, verbose=0)),
        "after single batches": before(
            lambda model: model.test_on_batch(X, Y), lambda model: model.predict_on_batch(X)
        ),
        "after direct calls": before(calls),
        "after summary": before(lambda model: model.summary(print_fn=lambda *_, **__: None)),
        "with validation": fit(make(), validation_data=(X, Y)),
        "with draws in callbacks": fit(make(), callbacks=[Draws()]),
        "with a lambda callback": fit(make(), callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=Draws().draw)]),
        "with a random schedule": fit(
            make(), callbacks=[keras.callbacks.LearningRateScheduler(lambda e, rate: (np.random.random(), rate)[1])]
        ),
        "after an exception": stumble(),
        "after wrong arguments": wrong_arguments_first(),
        "with another training inside": fit(make(), callbacks=[another := TrainsAnother()]),
        "the training inside": another.digest,
    }
    FOUND["compiled"] = {
        "alone": fit(make_any()),
        "with evaluation and draws": fit(make_any(), callbacks=[Draws()], validation_data=(X, Y)),
    }
    FOUND["second"] = twice()
    FOUND["monte carlo"] = [monte_carlo(3), monte_carlo(1)]
    FOUND["second, after direct calls"] = twice(calls)
    FOUND["built by a call"] = [built_by_a_call(False), built_by_a_call(True)]
    callback = Draws(runs=False)
    fit(make(), callbacks=[callback])
    FOUND["draws of a callback"] = callback.drawn
    model = make()
    fit(model, callbacks=[callback])
    FOUND["hooks are the user's again"] = not [name for name in vars(callback) if name.startswith("on_")]
    with samefit.pinned(43):
        FOUND["another seed"] = fit(make())
    FOUND["after an inner scope"] = fit(make())
with samefit.pinned(42):
    FOUND["second again"] = twice()
    by_hand = {
        "by hand": (lambda _: None, lambda _: None),
        "by hand, evaluated": (lambda _: None, lambda m: m.evaluate(X, Y, verbose=0)),
        "by hand, after direct calls": (calls, lambda _: None),
        "by hand, with direct calls": (lambda _: None, calls),
    }
    for name, (first, other) in by_hand.items():
        model = make()
        first(model)
        for _ in range(3):
            model.train_on_batch(X, Y)
            other(model)
        FOUND[name] = digest(model)
json.dump(FOUND, sys.stdout)
