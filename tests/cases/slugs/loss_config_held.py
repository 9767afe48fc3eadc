"""Another option of the loss that the model holds itself."""

from common import keras  # sets the backend where the caller did not
from parts.own_steps import adversarial


def a():
    keras.utils.set_random_seed(1)
    adversarial()


def b():
    keras.utils.set_random_seed(1)
    adversarial(label_smoothing=0.1)


EXPECT = {
    "verdict": "diverged",
    "stage": ["forward", "backward", "update"],
    "slug": "loss-config",
    "backends": ["tensorflow", "torch"],
    "causes": 1,
}
