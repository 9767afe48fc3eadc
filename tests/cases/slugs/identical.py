"""Reseeded, with dropout, evaluation and draws of the user's own in between: the same."""

from common import data, keras, layers, np


def train():
    keras.utils.set_random_seed(3)
    x, y = data()
    built = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(1)]
    )
    built.compile("adam", "mse")
    built.evaluate(x, y, verbose=0)
    np.random.uniform(size=3)
    built.fit(x, y, epochs=2, batch_size=8, verbose=0)


a = b = train
EXPECT = {"verdict": "identical"}
