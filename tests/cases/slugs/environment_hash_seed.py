"""The order of a set of strings, with no hash seed set: each process has one of its own."""

from environment import a

b = a
EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "environment", "isolated": True}
