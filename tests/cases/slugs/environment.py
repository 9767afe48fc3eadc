"""The order of a set of strings follows the hash seed of the process."""

from common import data, fit, model, np


def a():
    words = list({"red", "green", "blue", "white", "black", "pink"})
    x, y = data()
    columns = np.array([len(word) for word in words]) + np.array([ord(word[0]) for word in words])
    fit(model(), (x * columns).astype("float32") / 100, y)


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["data"],
    "slug": "environment",
    "isolated": True,
    "env_a": {"PYTHONHASHSEED": "1"},
    "env_b": {"PYTHONHASHSEED": "2"},
}
