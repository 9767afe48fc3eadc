"""The same pipeline with another shuffle buffer."""

import tensorflow as tf
from common import data, fit, model


def train(buffer_size):
    dataset = tf.data.Dataset.from_tensor_slices(data())
    dataset = dataset.shuffle(buffer_size, seed=1)
    fit(model(), dataset.batch(8), batch_size=None)


def a():
    train(48)


def b():
    train(12)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-order", "needs": ["tensorflow"]}
