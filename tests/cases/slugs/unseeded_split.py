"""train_test_split without random_state draws below the functions of numpy.random."""

from common import data, fit, model
from sklearn.model_selection import train_test_split


def a():
    x, y = data()
    x, _, y, _ = train_test_split(x, y)
    fit(model(), x, y)


b = a
EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded", "isolated": True}
