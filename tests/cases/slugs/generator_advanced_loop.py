"""A loop draws its batches from a generator that a preview draws from as well, between two steps."""

from common import keras, model, np


def train(look):
    keras.utils.set_random_seed(3)
    built = model()
    built.compile("sgd", "mse")
    for step in range(5):
        x = np.random.normal(size=(8, 6)).astype("float32")
        built.train_on_batch(x, x[:, :1])
        if look and step == 2:
            built.predict_on_batch(np.random.normal(size=(2, 6)))


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "generator-advanced"}
