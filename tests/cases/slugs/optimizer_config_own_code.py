"""An optimizer of the user's own that multiplies by something outside of everything that is recorded."""

from common import fit, keras, model

SCALE = [1.0]


class Scaled(keras.optimizers.SGD):
    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient * SCALE[0], variable, learning_rate)


def train(scale):
    SCALE[0] = scale
    fit(model(), optimizer=Scaled(0.1))


def a():
    train(1.0)


def b():
    train(1.5)


EXPECT = {
    "verdict": "diverged",
    "stage": ["update"],
    "slug": "optimizer-config",
    "confirmed": False,
    "backends": ["tensorflow", "torch"],
}
