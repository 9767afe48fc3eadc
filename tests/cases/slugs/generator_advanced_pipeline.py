"""One dataset for two trainings: it is shuffled anew in each pass."""

import tensorflow as tf
from common import data, fit, model

DATASET = tf.data.Dataset.from_tensor_slices(data()).shuffle(48, seed=1).batch(8)


def a():
    fit(model(), DATASET, batch_size=None)


b = a


EXPECT = {
    "verdict": "diverged",
    "stage": ["data"],
    "slug": "generator-advanced",
    "needs": ["tensorflow"],
}
