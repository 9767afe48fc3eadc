"""Keras's legacy augmentation, in a script that sets no seed."""

from parts.augmentation import train


def a():
    train()


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded"}
