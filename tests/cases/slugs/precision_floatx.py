"""One side sets another floatx, which also is the dtype of what fit makes of the arrays."""

from common import fit, keras, model


def a():
    fit(model())


def b():
    keras.config.set_floatx("float16")
    fit(model())


EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "precision",
    "causes": 1,
    "isolated": True,
}
