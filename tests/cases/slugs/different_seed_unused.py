"""Two seeds, and nothing that draws: the same."""

from common import fit, keras, model


def train(seed):
    keras.utils.set_random_seed(seed)
    fit(model())


def a():
    train(1)


def b():
    train(2)


EXPECT = {"verdict": "identical"}
