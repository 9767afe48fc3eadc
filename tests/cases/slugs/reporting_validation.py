"""The trainings are the same, but each is validated on data of its own."""

from common import data, fit, model


def a():
    fit(model(), validation_data=data(seed=1))


def b():
    fit(model(), validation_data=data(seed=2))


EXPECT = {"verdict": "diverged", "stage": ["reporting"], "slug": "reporting", "confirmed": False}
