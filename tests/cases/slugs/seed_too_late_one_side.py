"""The candidate builds its model before it sets the seed; the baseline sets it first."""

from common import data, keras, layers


def build():
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1)])


def train(built):
    x, y = data()
    built.compile("sgd", "mse")
    built.fit(x, y, epochs=2, batch_size=8, verbose=0)


def a():
    keras.utils.set_random_seed(7)
    train(build())


def b():
    built = build()
    keras.utils.set_random_seed(7)
    train(built)


EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "seed-too-late",
    "backends": ["tensorflow", "torch"],
}
