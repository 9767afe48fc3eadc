"""The same integer seed, another setting of JAX's generator."""

from common import fit, model


def a():
    fit(model())


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "backend-generator",
    "isolated": True,
    "backends": ["jax"],
    "env_a": {},
    "env_b": {"JAX_THREEFRY_PARTITIONABLE": "0"},
}
