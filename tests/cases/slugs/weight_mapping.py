"""The weights of two layers of one shape are set in another order."""

from common import fit, glorot, keras, layers, np


def train(order):
    keras.utils.set_random_seed(2)
    generator = np.random.default_rng(5)
    first, second = (
        [generator.normal(size=(6, 6)).astype("float32"), generator.normal(size=6).astype("float32")] for _ in range(2)
    )
    hidden = [layers.Dense(6, activation="tanh"), layers.Dense(6, activation="tanh")]
    built = keras.Sequential([keras.Input((6,)), *hidden, layers.Dense(1, kernel_initializer=glorot(1))])
    for layer, weights in zip(hidden, (first, second) if order else (second, first)):
        layer.set_weights(weights)
    fit(built)


def a():
    train(True)


def b():
    train(False)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "weight-mapping"}
