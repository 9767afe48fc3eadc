"""A loss of the user's own reads a factor that is another one: both are called alike."""

from common import fit, keras, model


def weighted(factor):
    def loss(y, predicted):
        return factor * keras.ops.mean(keras.ops.square(y - predicted), axis=-1)

    return loss


def a():
    fit(model(), loss=weighted(1.0))


def b():
    fit(model(), loss=weighted(1.5))


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "loss-config"}
