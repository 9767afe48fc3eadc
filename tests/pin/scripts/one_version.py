"""A few pinned trainings, to be compared between versions of Keras; prints digests as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
import warnings

import keras
import numpy as np
from keras import layers

import samefit

warnings.filterwarnings("ignore", category=UserWarning)
DRAW = np.random.default_rng(0)
X, Y = DRAW.normal(size=(20, 8)).astype("float32"), DRAW.normal(size=(20, 1)).astype("float32")


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index * 7 : index * 7 + 7], Y[index * 7 : index * 7 + 7]


def plain():
    return [layers.Dense(6, "relu"), layers.Dense(5, "relu"), layers.Dropout(0.3), layers.Dense(1)]


def functional():
    parts = plain()[::-1]
    inputs = outputs = keras.Input((8,))
    for layer in reversed(parts):
        outputs = layer(outputs)
    return keras.Model(inputs, outputs)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.parts = plain()

    def call(self, x, training=None):
        for layer in self.parts:
            x = layer(x, training=training) if isinstance(layer, layers.Dropout) else layer(x)
        return x


def trained(model, *data, **options):
    model.compile("sgd", "mse")
    losses = model.fit(*data, epochs=2, verbose=0, **options).history["loss"]
    weights = sorted(weight.numpy().tobytes() for weight in model.trainable_variables)
    return hashlib.sha256(repr(losses).encode() + b"".join(weights)).hexdigest()[:12]


def drawn():
    with samefit.pinned(3):
        return keras.ops.convert_to_numpy(keras.random.normal((4,))).tobytes()


# What was drawn before from Keras's global generator does not matter.
draws = [drawn(), (keras.random.normal((2,)), drawn())[1], (keras.utils.set_random_seed(5), drawn())[1]]

with samefit.pinned(3) as scope:
    styles = {
        "sequential": trained(keras.Sequential([keras.Input((8,)), *plain()]), X, Y, batch_size=8),
        "deferred": trained(keras.Sequential(plain()), X, Y, batch_size=8),
        "functional": trained(functional(), X, Y, batch_size=8),
        "subclassed": trained(Subclassed(), X, Y, batch_size=8),
    }
    found = {
        "styles": styles["sequential"] if len(set(styles.values())) == 1 else f"differ: {styles}",
        "shuffle=batch": trained(functional(), X, Y, batch_size=8, shuffle="batch"),
        "steps_per_epoch": trained(functional(), X, Y, batch_size=8, steps_per_epoch=2),
        "PyDataset": trained(functional(), Batches()),
        "PyDataset, workers": trained(functional(), Batches(workers=2)),
        "default draws": draws[0].hex() if len(set(draws)) == 1 else f"differ: {draws}",
    }
    limits = sorted({limit.kind for limit in scope.report.limits} - {"equal-models"})
json.dump({"version": keras.__version__, "found": found, "limits": limits}, sys.stdout)
