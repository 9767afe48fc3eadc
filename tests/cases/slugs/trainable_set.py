"""Fine-tuning: the second training freezes the base in one and not in the other."""

from common import data, fit, glorot, keras, layers


def train(freeze):
    keras.utils.set_random_seed(4)
    x, y = data()
    base = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, kernel_initializer=glorot(1)), layers.BatchNormalization()]
    )
    built = keras.Sequential([base, layers.Dense(1, kernel_initializer=glorot(2))])
    fit(built, x, y, epochs=1)
    base.trainable = not freeze
    fit(built, x, y, epochs=1)


def a():
    train(True)


def b():
    train(False)


EXPECT = {"verdict": "diverged", "stage": ["forward", "backward", "update"], "slug": "trainable-set"}
