"""The second model of each side is compiled with another optimizer; the first is not."""

from common import fit, keras, model


def train(rate):
    fit(model(), optimizer=keras.optimizers.SGD(0.1))
    fit(model("tanh"), optimizer=keras.optimizers.SGD(rate))


def a():
    train(0.1)


def b():
    train(0.2)


EXPECT = {"verdict": "diverged", "stage": ["update"], "slug": "optimizer-config"}
