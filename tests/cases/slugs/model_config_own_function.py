"""An activation of the user's own that is called like one of Keras: the baseline runs again with Keras's."""

from common import fit, keras, model


def gelu(x):
    return keras.activations.gelu(x, approximate=True)


def a():
    fit(model(gelu))


def b():
    fit(model("gelu"))


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config"}
