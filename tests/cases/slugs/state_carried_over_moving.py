"""Batch normalisation has seen data before one of the trainings: its moving averages go on from there."""

from common import data, fit, glorot, keras, layers


def model():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, kernel_initializer=glorot(1)),
            layers.BatchNormalization(),
            layers.Dense(1, kernel_initializer=glorot(2)),
        ]
    )


def a():
    fit(model())


def b():
    built = model()
    built(data()[0], training=True)
    fit(built)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights", "state"], "slug": "state-carried-over"}
