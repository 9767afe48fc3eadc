"""A callback lowers the learning rate on one side only."""

from common import fit, keras, model


def a():
    fit(model())


def b():
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate)
    fit(model(), callbacks=[schedule])


EXPECT = {"verdict": "diverged", "stage": ["update"], "slug": "optimizer-config"}
