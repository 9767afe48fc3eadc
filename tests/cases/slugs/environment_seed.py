"""The script makes its seed of a variable, which another job sets otherwise."""

import os

from common import data, keras, layers


def a():
    keras.utils.set_random_seed(1 + int(os.environ.get("JOB_RANK", "0")))
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    x, y = data()
    built.compile("sgd", "mse")
    built.fit(x, y, epochs=1, batch_size=8, verbose=0)


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "environment",
    "isolated": True,
    "env_b": {"JOB_RANK": "1"},
}
