"""Training goes on with the model, or with one that was saved and loaded: random layers begin anew."""

import tempfile
from pathlib import Path

from common import data, fit, glorot, keras, layers


def train(reload):
    keras.utils.set_random_seed(4)
    x, y = data()
    built = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_initializer=glorot(1)),
            layers.Dropout(0.3),
            layers.Dense(1, kernel_initializer=glorot(2)),
        ]
    )
    fit(built, x, y, epochs=1)
    if reload:
        file = Path(tempfile.mkdtemp()) / "model.keras"
        built.save(file)
        built = keras.models.load_model(file)
    built.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0)


def a():
    train(False)


def b():
    train(True)


# On PyTorch an unseeded Dropout draws from the process's generator, which goes on.
EXPECT = {
    "verdict": "diverged",
    "stage": ["randomness"],
    "slug": "state-lost",
    "isolated": True,
    "backends": ["jax", "tensorflow"],
}
