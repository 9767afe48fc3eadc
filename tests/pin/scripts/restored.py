"""Leaving a scope puts everything back: prints what was not, as JSON."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import random
import sys

import keras
import numpy as np
from one_training import fit, make

import samefit
from samefit import backends
from samefit.patches.keras_seed import global_seed_state

backend = keras.config.backend()


def attributes() -> dict[str, object]:
    """Every attribute of the modules and classes that pinning touches."""
    names = {
        "keras.src.trainers.epoch_iterator": ["EpochIterator"],
        "keras.src.trainers.data_adapters.array_data_adapter": ["ArrayDataAdapter"],
        "keras.src.trainers.data_adapters.py_dataset_adapter": ["PyDatasetAdapter", "OrderedEnqueuer"],
        "keras.src.callbacks.callback_list": ["CallbackList"],
        "keras.src.random.seed_generator": ["SeedGenerator"],
        "keras.src.layers.layer": ["Layer"],
        "keras.src.optimizers.base_optimizer": ["BaseOptimizer"],
        "keras.src.models.functional": ["Functional"],
        "keras.src.backend.common.variables": ["Variable"],
        f"keras.src.backend.{backend}.trainer": [type(make()).__mro__[-1].__name__, *TRAINERS],
    }
    found = {}
    for module_name, classes in names.items():
        module = importlib.import_module(module_name)
        for owner in [module, *(getattr(module, name) for name in classes if hasattr(module, name))]:
            found |= {f"{module_name}.{owner.__name__}.{name}": value for name, value in vars(owner).items()}
    return {name: value for name, value in found.items() if callable(value)}


TRAINERS = ["JAXTrainer", "TensorFlowTrainer", "TorchTrainer"]


def states() -> dict[str, object]:
    state = global_seed_state()
    return {
        "python": random.getstate(),
        "numpy": repr(np.random.get_state()),
        "keras": None if state is None else (id(state), keras.ops.convert_to_numpy(state).tolist()),
        **{adapter.name: adapter.generator_state() for adapter in backends.loaded()},
    }


def failing() -> None:
    with contextlib.suppress(KeyError), samefit.pinned(1):
        fit(make(eager=True), epochs=1)
        keras.random.normal((2,))
        raise KeyError


def nested() -> None:
    with samefit.pinned(1):
        keras.random.normal((2,))
        inside = states()
        with samefit.pinned(2):
            fit(make(eager=True), epochs=1)
        changed.extend(f"inner {name}" for name, value in states().items() if value != inside[name])


@samefit.pinned(3)
def decorated() -> None:
    fit(make(eager=True), epochs=1)


UNSEEDED = {"tensorflow": b'{"seed": null, "rng": null}'}

changed: list[str] = []
# Keras keeps what it looks up for the first time.
fit(make(eager=True), epochs=1)
cases = (
    (lambda: None, [failing]),
    (lambda: keras.utils.set_random_seed(5), [failing, decorated]),
    (lambda: keras.random.normal((2,)), [nested]),
)
for prepare, scopes in cases:
    prepare()
    for within in scopes:
        hooks, before = attributes(), states()
        within()
        changed += [
            f"{within.__name__}: {name}"
            for name, value in states().items()
            if value != before.get(name, UNSEEDED.get(name))
        ]
        changed += [f"{within.__name__}: {name}" for name, value in attributes().items() if hooks.get(name) != value]


def switches() -> dict[str, object]:
    return {**backends.load(backend).flags(), "XLA_FLAGS": os.environ.get("XLA_FLAGS")}


before = switches()
with samefit.pinned(1) as scope:
    found = {"switched": dict(scope.report.switched), "inside": switches(), "refused": scope.report.limits}
    with samefit.pinned(2):
        pass
    found["after the inner scope"] = switches()
found |= {"before": before, "after": switches()}
json.dump({**found, "changed": changed, "hooks": len(hooks)}, sys.stdout)
