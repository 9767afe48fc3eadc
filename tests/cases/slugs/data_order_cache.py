"""One side caches what it has shuffled, and gets the order of its first epoch again."""

import tensorflow as tf
from common import data, fit, model


def dataset():
    return tf.data.Dataset.from_tensor_slices(data()).shuffle(48, seed=1)


def a():
    fit(model(), dataset().batch(8), batch_size=None)


def b():
    fit(model(), dataset().cache().batch(8), batch_size=None)


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-order", "needs": ["tensorflow"]}
