"""An unused layer draws a seed before the layers of the model do."""

from common import data, keras, layers


def train(unused):
    keras.utils.set_random_seed(7)
    if unused:
        layers.Dense(3)
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    x, y = data()
    built.compile("sgd", "mse")
    built.fit(x, y, epochs=2, batch_size=8, verbose=0)


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "generator-advanced"}
