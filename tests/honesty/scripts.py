"""Training scripts as users write them, put together from a small vocabulary: families, ways of building, optimizers.

A script is a handful of named pieces of text, in the order of `PIECES`. A fault replaces one of them, or one layer.
Nothing of samefit is imported here: what is written below is plain Keras.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from string import Template

ROWS = 48
STYLES = ("sequential", "functional", "subclassed")
BATCHES = (8, 12, 16)
OPTIMIZERS = ("SGD(0.05)", "SGD(0.05, momentum=0.9)", "Adam(0.01)", "RMSprop(0.01)", "AdamW(0.01)", "Adagrad(0.05)")
PIECES = ("imports", "early", "seed", "late", "data", "prepare", "model", "adjust", "compile", "before", "fit", "after")


@dataclass(frozen=True)
class Family:
    """A chain of layers.

    Attributes:
        shape: Shape of one sample.
        layers: One constructor a layer; `$init` stands for the seed of its initialiser.
        words: The number of words if a sample is a row of numbers of words, else 0.
    """

    shape: tuple[int, ...]
    layers: tuple[str, ...]
    words: int = 0


DENSE = 'layers.Dense({}, activation="{}"$init)'
HEAD = "layers.Dense(1$init)"
FAMILIES = {
    "dense": Family((6,), (DENSE.format(8, "relu"), DENSE.format(8, "tanh"), HEAD)),
    "deep": Family((6,), (*(DENSE.format(7, a) for a in ("tanh", "relu", "tanh", "elu")), HEAD)),
    "dropout": Family((6,), (DENSE.format(16, "relu"), "layers.Dropout(0.3, seed=11)", DENSE.format(8, "tanh"), HEAD)),
    "noise": Family((6,), (DENSE.format(8, "tanh"), "layers.GaussianNoise(0.2, seed=12)", HEAD)),
    "batchnorm": Family((6,), (DENSE.format(8, "relu"), "layers.BatchNormalization()", DENSE.format(8, "tanh"), HEAD)),
    "layernorm": Family((6,), (DENSE.format(8, "gelu"), "layers.LayerNormalization(epsilon=0.001)", HEAD)),
    "conv2d": Family(
        (6, 6, 2),
        (
            'layers.Conv2D(4, 3, activation="relu", padding="same"$init)',
            "layers.MaxPooling2D()",
            'layers.Conv2D(3, 2, activation="tanh", padding="same"$init)',
            "layers.Flatten()",
            HEAD,
        ),
    ),
    "conv1d": Family(
        (8, 3),
        (
            'layers.Conv1D(5, 3, activation="relu", padding="same"$init)',
            "layers.SpatialDropout1D(0.3, seed=13)",
            "layers.GlobalAveragePooling1D()",
            HEAD,
        ),
    ),
    "lstm": Family((5, 3), ('layers.LSTM(4, recurrent_initializer="identity"$init)', DENSE.format(6, "relu"), HEAD)),
    "gru": Family((5, 3), ('layers.GRU(4, recurrent_initializer="identity"$init)', DENSE.format(6, "tanh"), HEAD)),
    "embedding": Family(
        (6,),
        (
            'layers.Embedding(20, 5, embeddings_initializer="uniform")',
            "layers.Flatten()",
            DENSE.format(6, "relu"),
            HEAD,
        ),
        words=20,
    ),
}

MODELS = {
    "sequential": "model = keras.Sequential([keras.Input($shape), *parts])",
    "functional": """
inputs = keras.Input($shape)
hidden = inputs
for part in parts:
    hidden = part(hidden)
model = keras.Model(inputs, hidden)
""",
    "subclassed": """
class Net(keras.Model):
    def __init__(self, parts):
        super().__init__()
        self.parts = parts

    def call(self, x, training=None):
        for part in self.parts:
            if isinstance(part, RANDOM_OR_MOVING):
                x = part(x, training=training)
            else:
                x = part(x)
        return x


model = Net(parts)
""",
}

DEFAULTS = {
    "imports": """
import os

import keras
import numpy as np
from keras import layers

RANDOM_OR_MOVING = (layers.Dropout, layers.GaussianNoise, layers.SpatialDropout1D, layers.BatchNormalization)
""",
    "seed": "keras.utils.set_random_seed($seed)",
    "compile": 'model.compile(keras.optimizers.$optimizer, "mse")',
    "fit": "model.fit(x, y, epochs=$epochs, batch_size=$batch, shuffle=$shuffle, verbose=0)",
}


@dataclass(frozen=True)
class Spec:
    """What is drawn for a script, before a fault changes anything."""

    family: str
    style: str
    optimizer: str
    seeded: bool
    values: Mapping[str, object]


def drawn(generator: random.Random, families: tuple[str, ...], *, seeded: bool | None = None) -> Spec:
    """Draws a script.

    Args:
        generator: Where choices come from.
        families: The names of families to choose from.
        seeded: Whether each initialiser has a seed of its own; drawn if None.
    """
    batch = generator.choice(BATCHES)
    values = {
        "seed": generator.randrange(10_000),
        "data_seed": generator.randrange(10_000),
        "init_seed": generator.randrange(10_000),
        "batch": batch,
        "steps": ROWS // batch,
        "epochs": generator.choice((2, 3)),
        "epoch": 1,
        "shuffle": generator.choice((True, False)),
        "sample": generator.randrange(ROWS),
        "rows": ROWS,
    }
    return Spec(
        family=generator.choice(families),
        style=generator.choice(STYLES),
        optimizer=generator.choice(OPTIMIZERS),
        seeded=generator.choice((True, False)) if seeded is None else seeded,
        values=values,
    )


def layer_lines(spec: Spec) -> list[str]:
    """Returns the constructors of a script's layers."""
    lines = []
    for number, line in enumerate(FAMILIES[spec.family].layers):
        own = f", kernel_initializer=keras.initializers.GlorotUniform(seed={spec.values['init_seed']!s}{number})"
        lines.append(line.replace("$init", own if spec.seeded else ""))
    return lines


def write(spec: Spec, pieces: Mapping[str, str], *, layer: tuple[str, str] | None = None, at: int | None = None) -> str:
    """Returns the text of a script.

    Args:
        spec: What was drawn.
        pieces: Pieces that replace the usual ones.
        layer: A pattern and its replacement, for one layer.
        at: The index of that layer.
    """
    lines = layer_lines(spec)
    if layer is not None and at is not None:
        lines[at] = re.sub(layer[0], layer[1], lines[at], count=1)
    family = FAMILIES[spec.family]
    words = f"generator.integers(1, {family.words}, ({ROWS}, *SHAPE))"
    usual = DEFAULTS | {
        "data": "SHAPE = $shape\ngenerator = np.random.default_rng($data_seed)\n"
        + f"x = {words if family.words else f'generator.normal(size=({ROWS}, *SHAPE))'}.astype('float32')\n"
        + "y = np.tanh(x.reshape(len(x), -1)[:, :1] + 0.1 * generator.normal(size=(len(x), 1))).astype('float32')",
        "model": "parts = [\n" + "".join(f"    {line},\n" for line in lines) + "]\n" + MODELS[spec.style],
    }
    whole = usual | dict(pieces)
    values = {**spec.values, "shape": family.shape, "optimizer": spec.optimizer, "layers": len(lines), "layer": at}
    text = "\n".join(whole[name].strip("\n") for name in PIECES if whole.get(name))
    while "$" in text:  # a drawn value may name another one
        text = Template(text).substitute(values)
    return text + "\n"
