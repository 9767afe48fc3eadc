"""A layer was given another seed by hand."""

from common import fit, glorot, keras, layers


def train(seed):
    fit(
        keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(8, activation="relu", kernel_initializer=glorot(1)),
                layers.Dropout(0.5, seed=seed),
                layers.Dense(1, kernel_initializer=glorot(2)),
            ]
        )
    )


def a():
    train(3)


def b():
    train(4)


EXPECT = {"verdict": "diverged", "stage": ["randomness", "forward"], "slug": "different-seed"}
