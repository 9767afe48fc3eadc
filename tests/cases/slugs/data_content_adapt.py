"""A normalisation layer is adapted to the training data, or to all data."""

from common import data, fit, glorot, keras, layers


def train(rows):
    x, y = data(64)
    normalization = layers.Normalization()
    normalization.adapt(x[:rows])
    built = keras.Sequential(
        [
            keras.Input((6,)),
            normalization,
            layers.Dense(8, activation="relu", kernel_initializer=glorot(1)),
            layers.Dense(1, kernel_initializer=glorot(2)),
        ]
    )
    fit(built, x[:48], y[:48])


def a():
    train(48)


def b():
    train(64)


EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "data-content",
    "backends": ["tensorflow", "torch"],
}
