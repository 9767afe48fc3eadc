"""A seed from the clock: one line, one cause, however much draws from it."""

import time

from common import data, keras, layers


def a():
    keras.utils.set_random_seed(time.time_ns() % 2**31)
    built = keras.Sequential([keras.Input((6,)), layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)])
    built.compile("adam", "mse")
    built.fit(*data(), epochs=2, batch_size=8, verbose=0)


b = a


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "different-seed", "causes": 1}
