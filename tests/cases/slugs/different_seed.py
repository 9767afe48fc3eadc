"""Each side sets a seed of its own."""

from common import data, keras, layers


def train(seed):
    keras.utils.set_random_seed(seed)
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    x, y = data()
    built.compile("sgd", "mse")
    built.fit(x, y, epochs=2, batch_size=8, verbose=0)


def a():
    train(1)


def b():
    train(2)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "different-seed"}
