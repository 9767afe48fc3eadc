"""One initialiser object serves all layers."""

from common import fit, keras, layers


def train(share):
    keras.utils.set_random_seed(5)
    one = keras.initializers.GlorotUniform()
    two = one if share else keras.initializers.GlorotUniform()
    fit(
        keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(6, activation="tanh", kernel_initializer=one),
                layers.Dense(6, activation="tanh", kernel_initializer=two),
                layers.Dense(1, kernel_initializer="ones"),
            ]
        )
    )


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "shared-initializer"}
