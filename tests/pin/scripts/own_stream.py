"""What a script draws itself between trainings: prints, as JSON, the numbers with different things in between."""

from __future__ import annotations

import json
import random
import sys
import tempfile

import keras
import numpy as np
from one_training import X, Y, digest, fit, make

import samefit

BACKEND = keras.config.backend()


class Dew(keras.layers.Layer):
    """Draws from Keras's global generator, which is made by the first draw from it."""

    def call(self, x, training=False):
        return x + keras.random.normal(keras.ops.shape(x)) if training else x


class Fails(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt


def draws() -> list[float]:
    """One number of every generator of the process."""
    drawn = [random.random(), np.random.normal(), float(keras.ops.convert_to_numpy(keras.random.normal(())))]
    if BACKEND == "torch":
        import torch

        drawn.append(float(torch.rand(())))
    if BACKEND == "tensorflow":
        import tensorflow as tf

        drawn.append(float(tf.random.uniform(())))
    return drawn


def drawn_around(step) -> list[list[float]]:
    with samefit.pinned(42):
        models = [make() for _ in range(3)]
        found = [draws()]
        for model in models:
            step(model)
            found.append(draws())
    return found


def stumble(model) -> None:
    try:
        fit(model, callbacks=[Fails()])
    except KeyboardInterrupt:
        return
    raise AssertionError("it did not stumble")


def resumed(model) -> None:
    with tempfile.TemporaryDirectory() as directory:
        fit(model, callbacks=[samefit.Checkpoint(directory)])


def dewy() -> keras.Model:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(6), Dew(), keras.layers.Dense(1)])
    model.compile("adam", "mse", run_eagerly=True)
    return model


def extended() -> list[str]:
    """Of a training of four epochs; of one of two, taken up again for four; where JAX refuses such a layer, none."""
    if BACKEND == "jax":
        return []
    found = []
    with tempfile.TemporaryDirectory() as directory:
        for epochs, callbacks in ((4, []), (2, [samefit.Checkpoint(directory)]), (4, [samefit.Checkpoint(directory)])):
            with samefit.pinned(42):
                found.append(fit(dewy(), epochs=epochs, callbacks=callbacks))
    return [found[0], found[2]]


def make_layers(_) -> None:
    """As Keras draws seeds: for layers that are used or not, for initialisers, for seed generators."""
    keras.layers.Dropout(0.5)(keras.layers.Dense(3)(X), training=True)
    keras.initializers.GlorotUniform()((2, 2))
    keras.layers.RandomFlip()
    keras.random.SeedGenerator()
    make()


def loop(layers: int) -> str:
    """As a loop that draws its batches from a memory and its noise from Keras, after layers that nobody uses."""
    with samefit.pinned(42):
        for _ in range(layers):
            make_layers(None)
        model, memory = make(eager=True), list(range(len(X)))
        for step in range(3):
            chosen = random.sample(memory, 8)
            noise = keras.ops.convert_to_numpy(keras.random.normal((8, X.shape[1])))
            model.train_on_batch(X[chosen] + noise, Y[chosen])
            if layers and not step:
                make_layers(None)
        return digest(model)


def said_of_loops() -> dict[str, list[str]]:
    """The limits that loops of `train_on_batch` bring, by what happens between two steps."""
    generator, seeds = np.random.default_rng(1), keras.random.SeedGenerator(1)
    between = {
        "nothing": lambda _: None,
        "layers": make_layers,
        "evaluation": lambda model: (model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)),
        "another training": lambda _: fit(make(eager=True), epochs=1),
        "a fit of it, and draws": lambda model: (fit(model, epochs=1), draws()),
        "draws of its own generators": lambda _: (generator.random(), keras.random.normal((), seed=seeds)),
        "random": lambda _: random.random(),
        "numpy": lambda _: np.random.permutation(3),
        "keras": lambda _: keras.random.normal(()),
        "framework": lambda _: draws()[3:],
    }
    found = {}
    for name, step in between.items():
        with samefit.pinned(42) as scope:
            draws()  # outside of any loop
            model = make(eager=True)
            for _ in range(3):
                model.train_on_batch(X, Y)
                step(model)
        found[name] = [limit.kind for limit in scope.report.limits if limit.kind != "equal-models"]
    return found


def seeded() -> list[list[float]]:
    """After the same call of Keras's function, the same draws, default seeds among them."""
    found = []
    with samefit.pinned(42):
        for name in ("set_random_seed", "set_random_seed", "again"):
            if name != "again":
                keras.utils.set_random_seed(7)
            values = keras.ops.convert_to_numpy(keras.initializers.GlorotUniform()((4,)))
            found.append([*draws(), *map(float, values)])
    return found


def search() -> list[list[float]]:
    """As a random search, a training each."""
    found = []
    with samefit.pinned(42):
        for _ in range(4):
            rate = 10 ** np.random.uniform(-4, -1)
            chosen = np.random.choice(len(X), len(X))
            model = make()
            model.fit(X[chosen], Y[chosen], epochs=1, verbose=0)
            found.append([rate, *map(float, chosen)])
    return found


json.dump(
    {
        "around nothing": drawn_around(lambda _: None),
        "around": {
            "a fit": drawn_around(fit),
            "two": drawn_around(lambda model: (fit(model), fit(model))),
            "a fit with validation": drawn_around(lambda model: fit(model, validation_data=(X, Y))),
            "a fit that fails": drawn_around(stumble),
            "a fit with a checkpoint": drawn_around(resumed),
            "layers": drawn_around(make_layers),
            "an evaluation": drawn_around(lambda model: model.evaluate(X, Y, verbose=0)),
        },
        "search": search(),
        "seeded": seeded(),
        "said of loops": said_of_loops(),
        "loop": [loop(0), loop(2)],
        "extended": extended(),
    },
    sys.stdout,
)
