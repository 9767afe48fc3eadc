"""The model is built before the seed is set."""

from common import data, keras, layers


def a():
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    keras.utils.set_random_seed(7)
    x, y = data()
    built.compile("sgd", "mse")
    built.fit(x, y, epochs=2, batch_size=8, verbose=0)


b = a
EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "seed-too-late"}
