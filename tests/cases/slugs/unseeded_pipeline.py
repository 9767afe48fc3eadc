"""A shuffle of tf.data without a seed, in a script that sets none."""

import tensorflow as tf
from common import data, fit, model


def a():
    dataset = tf.data.Dataset.from_tensor_slices(data())
    dataset = dataset.shuffle(48)
    fit(model(), dataset.batch(8), batch_size=None)


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded", "needs": ["tensorflow"]}
