"""Pairs of trainings that are identical by construction, drawn from a seed, and recorded in one process.

Run as a module, it trains pairs with the backend of the process and prints one line of JSON for each:

    KERAS_BACKEND=jax python -m tests.honesty.identical --seed 7 --first 0 --last 10

Whether the two are identical is also measured without samefit, by losses and weights as Keras shows them: now and then
TensorFlow's kernels give other bits to the same program in one process.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from tests.honesty.page import WHY
from tests.pin.architectures import ARCHITECTURES
from tests.pin.building import Subclassed, build, in_turn
from tests.pin.trained import digest, numpy_of

import samefit

ROWS = 24
BATCH = 8
OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "SGD": lambda: keras.optimizers.SGD(0.05),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "Adam": lambda: keras.optimizers.Adam(0.01),
    "amsgrad": lambda: keras.optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: keras.optimizers.AdamW(0.01),
    "Adamax": lambda: keras.optimizers.Adamax(0.01),
    "Nadam": lambda: keras.optimizers.Nadam(0.01),
    "RMSprop": lambda: keras.optimizers.RMSprop(0.01, centered=True),
    "Adagrad": lambda: keras.optimizers.Adagrad(0.05),
    "Adadelta": lambda: keras.optimizers.Adadelta(0.5),
    "Ftrl": lambda: keras.optimizers.Ftrl(0.05),
    "Lion": lambda: keras.optimizers.Lion(0.001),
    "schedule": lambda: keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 2, 0.9)),
    "clipped": lambda: keras.optimizers.SGD(0.05, global_clipnorm=0.5),
    "accumulating": lambda: keras.optimizers.SGD(0.05, gradient_accumulation_steps=2),
}
TRAININGS = ("fit", "validated", "weighted", "eager", "callbacks", "on-batch", "several-steps")
FEEDS = ("arrays", "pydataset", "generator")


@dataclass(frozen=True)
class Pair:
    """Two trainings that are the same.

    Attributes:
        why: Why they are: a key of `WHY`.
        architecture: A name of `tests.pin.architectures`.
        styles: The ways of building of the two sides.
        optimizer: A key of `OPTIMIZERS`.
        training: One of `TRAININGS`.
        feeds: What each side hands to `fit`.
        shuffle: Whether `fit` shuffles.
        seed: The seed of both.
    """

    why: str
    architecture: str
    styles: tuple[str, str]
    optimizer: str
    training: str
    feeds: tuple[str, str]
    shuffle: bool
    seed: int


def pair(seed: int, number: int, architectures: Collection[str] = tuple(ARCHITECTURES)) -> Pair:
    """Draws the pair of a number; architectures and reasons take turns, so that all of them come.

    Args:
        seed: What everything is drawn from.
        number: 0, 1, …
        architectures: Names to choose from.
    """
    generator = random.Random(f"{seed}.{number}")
    names = random.Random(seed).sample(sorted(architectures), len(architectures))
    name, why = names[number % len(names)], list(WHY)[(number + number // len(names)) % len(WHY)]
    styles = ARCHITECTURES[name].styles
    one = generator.choice(styles)
    two = generator.choice(styles if why == "pinned" else [style for style in styles if style != one])
    one_input = len(ARCHITECTURES[name].shapes) == 1
    if why == "feeds" and not one_input:
        why = "before"
    feeds = ("arrays", "arrays")
    if why == "feeds":
        # TensorFlow compiles another program for arrays, whose batches have a known size.
        first = "arrays" if keras.backend.backend() != "tensorflow" else "pydataset"
        feeds = (first, generator.choice(FEEDS[1:] if first == "arrays" else FEEDS[2:]))
    elif one_input:
        # Two fits read one generator of batches: TensorFlow has read ahead when the first ends, and on PyTorch each
        # draws a number when it begins to read, which an unseeded Dropout sees.
        feeds = (generator.choice(FEEDS[:2] if why == "split" else FEEDS),) * 2
    training = "fit" if why in ("feeds", "split") else generator.choice(TRAININGS)
    if training == "several-steps" and keras.backend.backend() == "torch":
        training = "eager"  # Keras has no steps_per_execution on PyTorch
    if training == "on-batch":
        feeds = ("arrays", "arrays")
    return Pair(
        why=why,
        architecture=name,
        styles=(one, two) if why in ("styles", "pinned") else (one, one),
        optimizer=generator.choice(list(OPTIMIZERS)),
        training=training,
        feeds=feeds,
        shuffle=why not in ("feeds", "split") and generator.random() < 0.7,
        seed=generator.randrange(10_000),
    )


class Plain(Subclassed):
    """The layers as attributes, made in the order of the architecture, none besides."""

    def __init__(self, architecture: Any) -> None:
        keras.Model.__init__(self)
        made = architecture.make()
        self.order = list(made)
        for name, layer in made.items():
            setattr(self, f"part_{name}", layer)
        self.run = architecture.run or in_turn


class Batches(keras.utils.PyDataset):
    """Batches in the order of the arrays."""

    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return ROWS // BATCH

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(BATCH * index, BATCH * index + BATCH)
        return self.x[rows], [y[rows] for y in self.y] if isinstance(self.y, list) else self.y[rows]


def forever(batches: Batches) -> Any:
    while True:
        yield from (batches[index] for index in range(len(batches)))


def anything_else(seed: int) -> None:
    """Does what must not matter: draws, other layers, another model that is trained and asked."""
    generator = random.Random(seed)
    for _ in range(generator.randrange(1, 9)):
        generator.choice((random.random, np.random.rand, lambda: keras.layers.Dense(3)))()
    if generator.random() < 0.5:
        other = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
        other.compile("sgd", "mse")
        other.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
        other.predict(np.ones((2, 3)), verbose=0)


def train(it: Pair, side: int, run: Path) -> dict[str, Any]:
    """Trains one side under the recorder; returns what Keras shows of it."""
    if it.why == "before" and side:
        anything_else(it.seed)
    with samefit.Recorder(run):
        if it.why == "pinned":
            with samefit.pinned(it.seed):
                return _train(it, side)
        keras.utils.set_random_seed(it.seed)
        return _train(it, side)


def _train(it: Pair, side: int) -> dict[str, Any]:
    architecture = ARCHITECTURES[it.architecture]
    keras.config.set_dtype_policy(architecture.policy)
    try:
        plain = it.styles[side] == "subclassed" and it.why != "pinned"
        model = Plain(architecture) if plain else build(architecture, it.styles[side])
    finally:
        keras.config.set_dtype_policy("float32")
    draw = np.random.default_rng(it.seed)
    inputs: list[Any] = [
        draw.integers(1, architecture.words, (ROWS, *shape))
        if architecture.words
        else draw.normal(size=(ROWS, *shape)).astype("float32")
        for shape in architecture.shapes
    ]
    x = inputs[0] if len(inputs) == 1 else inputs
    first = model(inputs[0][:1] if len(inputs) == 1 else [one[:1] for one in inputs])
    several = isinstance(first, list)
    targets = [draw.normal(size=(ROWS, *one.shape[1:])).astype("float32") for one in (first if several else [first])]
    y = targets if several else targets[0]
    loss = ["mse"] * len(targets) if several else "mse"
    options = {"run_eagerly": True} if it.training == "eager" else {}
    if it.training == "several-steps":
        options = {"steps_per_execution": 3}
    model.compile(OPTIMIZERS[it.optimizer](), loss, **options)
    losses = _steps(it, side, model, x, y)
    return {"losses": losses, "weights": sorted(digest([value]) for value in numpy_of(model.weights))}


def _steps(it: Pair, side: int, model: Any, x: Any, y: Any) -> list[float]:
    if it.training == "on-batch":
        batches = Batches(x if isinstance(x, np.ndarray) else Rows(x), y)
        return [float(model.train_on_batch(*batches[n % len(batches)])) for n in range(6)]
    more: dict[str, Any] = {"verbose": 0}
    if it.feeds[side] == "arrays":
        more |= {"x": x, "y": y, "batch_size": BATCH, "shuffle": it.shuffle}
        if it.training == "weighted" and not isinstance(y, list):
            more["sample_weight"] = np.linspace(0.5, 1.5, ROWS).astype("float32")
    elif it.feeds[side] == "pydataset":
        more |= {"x": Batches(x, y), "shuffle": it.shuffle}
    else:
        more |= {"x": forever(Batches(x, y)), "steps_per_epoch": ROWS // BATCH}
    if it.training == "validated":
        more["validation_data"] = (x, y)
    if it.training == "callbacks":
        more["callbacks"] = [keras.callbacks.ReduceLROnPlateau("loss", patience=0), keras.callbacks.TerminateOnNaN()]
    if it.why == "split" and side:
        begin = model.fit(epochs=1, **more).history["loss"]
        return [*begin, *model.fit(epochs=2, initial_epoch=1, **more).history["loss"]]
    return list(model.fit(epochs=2, **more).history["loss"])


class Rows:
    """Several inputs that are cut as one."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def __getitem__(self, rows: slice) -> list[Any]:
        return [part[rows] for part in self.parts]


def compared(it: Pair) -> dict[str, Any]:
    """Trains both sides; returns samefit's answer and whether losses and weights are equal."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder) / "a.run", Path(folder) / "b.run"]
        shown = [train(it, side, run) for side, run in enumerate(runs)]
        comparison = samefit.compare(*runs)
    place = comparison.first_divergence
    return {
        "verdict": comparison.verdict.value,
        "steps": comparison.steps_compared,
        "equal": shown[0] == shown[1] or json.dumps(shown[0]) == json.dumps(shown[1]),
        "place": None if place is None else [place.step, place.stage.value, place.path, place.detail],
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, required=True)
    parser.add_argument("--only", default=",".join(ARCHITECTURES), help="architectures to choose from")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    for number in range(options.first, options.last):
        it = pair(options.seed, number, options.only.split(","))
        line = {"number": number, "backend": keras.backend.backend(), **asdict(it), **compared(it)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
