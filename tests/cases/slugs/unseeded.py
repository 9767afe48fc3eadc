"""The data is drawn from a generator without a seed."""

from common import data, fit, model, np


def a():
    x, y = data()
    noise = np.random.default_rng().normal(size=x.shape).astype("float32")
    fit(model(), x + noise, y)


b = a
EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded"}
