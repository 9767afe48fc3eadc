"""Training goes on with weights that were saved and loaded alone: Adam's moments and counter start anew."""

import tempfile
from pathlib import Path

from common import data, keras, model


def compiled():
    built = model()
    built.compile(keras.optimizers.Adam(0.02), "mse")
    return built


def fit(built, **epochs):
    x, y = data()
    built.fit(x, y, batch_size=8, shuffle=False, verbose=0, **epochs)


def a():
    fit(compiled(), epochs=4)


def b():
    built = compiled()
    fit(built, epochs=2)
    file = Path(tempfile.mkdtemp()) / "at.weights.h5"
    built.save_weights(file)
    fresh = compiled()
    fresh.load_weights(file)
    fit(fresh, initial_epoch=2, epochs=4)


EXPECT = {"verdict": "diverged", "stage": ["state"], "slug": "state-lost", "backends": ["tensorflow", "torch"]}
