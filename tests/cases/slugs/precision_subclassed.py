"""A script that sets another dtype policy; the model itself has one, too, and casts what comes in."""

from common import fit, glorot, keras, layers


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="relu", kernel_initializer=glorot(1))
        self.out = layers.Dense(1, kernel_initializer=glorot(2))

    def call(self, x):
        return self.out(self.hidden(x))


def a():
    fit(Net())


def b():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        fit(Net())
    finally:
        keras.config.set_dtype_policy("float32")


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "precision"}
