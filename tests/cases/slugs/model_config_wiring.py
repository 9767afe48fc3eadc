"""Two inputs are joined in another order."""

from common import data, fit, glorot, keras, layers


def train(swapped):
    first, second = keras.Input((3,)), keras.Input((3,))
    joined = layers.Concatenate()([second, first] if swapped else [first, second])
    model = keras.Model([first, second], layers.Dense(1, kernel_initializer=glorot(1))(joined))
    x, y = data()
    fit(model, [x[:, :3], x[:, 3:]], y)


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config", "confirmed": False}
