"""Keras's legacy augmentation draws from NumPy's generator, which the first training leaves elsewhere."""

from parts.augmentation import train

from common import keras

keras.utils.set_random_seed(1)


def a():
    train()


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "generator-advanced"}
