"""The classes are weighted on one side: the samples are the same, the loss is not."""

from common import data, fit, glorot, keras, layers


def train(**options):
    x, y = data()
    built = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", kernel_initializer=glorot(1)),
            layers.Dense(1, activation="sigmoid", kernel_initializer=glorot(2)),
        ]
    )
    fit(built, x, (y > 0.5).astype("int32"), loss="binary_crossentropy", **options)


def a():
    train()


def b():
    train(class_weight={0: 1.0, 1: 4.0})


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "loss-config", "backends": ["tensorflow", "torch"]}
