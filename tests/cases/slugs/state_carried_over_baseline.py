"""The baseline compiles anew in the middle, and its optimizer begins anew; the candidate goes on in one fit."""

from common import data, keras, model


def train(*fits):
    built = model()
    x, y = data()
    for epochs in fits:
        built.compile(keras.optimizers.Adam(0.01), "mse")
        built.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0)


def a():
    train(1, 1)


def b():
    train(2)


EXPECT = {"verdict": "diverged", "stage": ["state"], "slug": "state-carried-over"}
