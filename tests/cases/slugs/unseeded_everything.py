"""A script as it is first written: weights, data, noise and order, and no seed for any of them."""

from common import keras, layers, np


def a():
    x = np.random.normal(size=(48, 6)).astype("float32")
    x += np.random.default_rng().normal(size=x.shape)
    model = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0)


b = a
EXPECT = {
    "verdict": "diverged",
    "stage": ["initial_weights"],
    "slug": "unseeded",
    "isolated": True,
    "all": True,
}
