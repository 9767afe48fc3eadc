"""A mixed-precision policy on one side."""

from common import fit, keras, model


def a():
    fit(model())


def b():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        fit(model())
    finally:
        keras.config.set_dtype_policy("float32")


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "precision"}
