"""Another learning rate of the second optimizer, which the model holds itself."""

from common import keras  # sets the backend where the caller did not
from parts.own_steps import adversarial


def a():
    keras.utils.set_random_seed(1)
    adversarial(rate=0.01)


def b():
    keras.utils.set_random_seed(1)
    adversarial(rate=0.005)


EXPECT = {
    "verdict": "diverged",
    "stage": ["update"],
    "slug": "optimizer-config",
    "backends": ["tensorflow", "torch"],
    "causes": 1,
}
