"""Trains the architectures with the backend of the process, pinned, and prints digests of what came out.

Run as a module:

    KERAS_BACKEND=jax python -m tests.pin.trained [--styles subclassed] [--only mlp,unet] [--backwards]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import warnings
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from tests.pin.architectures import ARCHITECTURES
from tests.pin.building import STYLES, build

import samefit

ROWS, BATCH = 12, 4


def digest(values: Iterable[Any]) -> str:
    data = b"".join(np.ascontiguousarray(value).tobytes() for value in values)
    return hashlib.sha256(data).hexdigest()[:12]


def numpy_of(variables: Iterable[Any]) -> list[Any]:
    return [keras.ops.convert_to_numpy(variable).astype("float64") for variable in variables]


def as_found(model: keras.Model) -> list[Any]:
    """Values in an order that is the same for all styles: models list their layers in orders of their own."""
    return sorted(numpy_of(model.weights), key=lambda value: (value.shape, value.tobytes()))


def train(name: str, style: str) -> dict[str, Any]:
    """Trains an architecture for two epochs; returns digests of its begin and its end."""
    architecture = ARCHITECTURES[name]
    keras.config.set_dtype_policy(architecture.policy)
    try:
        model = build(architecture, style)
    finally:
        keras.config.set_dtype_policy("float32")
    draw = np.random.default_rng(5)
    inputs: list[Any] = [
        draw.integers(1, architecture.words, (ROWS, *shape))
        if architecture.words
        else draw.normal(size=(ROWS, *shape)).astype("float32")
        for shape in architecture.shapes
    ]
    given = inputs[0] if len(inputs) == 1 else inputs
    first = model(inputs[0][:1] if len(inputs) == 1 else [one[:1] for one in inputs])
    several = isinstance(first, list)
    targets = [draw.normal(size=(ROWS, *one.shape[1:])).astype("float32") for one in (first if several else [first])]
    begin = digest(as_found(model))
    model.compile(keras.optimizers.Adam(0.01), ["mse"] * len(targets) if several else "mse")
    history = model.fit(given, targets if several else targets[0], batch_size=BATCH, epochs=2, verbose=0)
    optimizer = sorted(numpy_of(model.optimizer.variables), key=lambda value: (value.shape, value.tobytes()))
    return {
        "begin": begin,
        "losses": history.history["loss"],
        "end": digest(as_found(model)),
        "optimizer": digest(optimizer),
    }


def versions() -> dict[str, str]:
    names = ("keras", "numpy", "jax", "tensorflow", "torch")
    return {name: sys.modules[name].__version__ for name in names if name in sys.modules}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--styles", default=",".join(STYLES))
    parser.add_argument("--only", default=",".join(ARCHITECTURES))
    parser.add_argument("--backwards", action="store_true", help="begin with the last architecture and style")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    wanted = [
        (name, style)
        for name in options.only.split(",")
        for style in options.styles.split(",")
        if style in ARCHITECTURES[name].styles
    ]
    found: dict[str, dict[str, Any]] = {}
    with samefit.pinned(options.seed) as scope:
        for name, style in reversed(wanted) if options.backwards else wanted:
            found.setdefault(name, {})[style] = train(name, style)
        limits = sorted({limit.kind for limit in scope.report.limits})
    json.dump({"trained": found, "limits": limits, "versions": versions()}, sys.stdout)


if __name__ == "__main__":
    main()
