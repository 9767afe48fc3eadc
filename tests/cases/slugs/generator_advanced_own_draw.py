"""The user's own code draws once more from numpy.random before it makes the data."""

from common import fit, keras, model, np


def train(more):
    keras.utils.set_random_seed(7)
    if more:
        np.random.uniform()
    x = np.random.normal(size=(48, 6)).astype("float32")
    fit(model(), x, x[:, :1])


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "generator-advanced"}
