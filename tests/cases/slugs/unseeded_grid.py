"""A search over units and rates, in a script that sets no seed: one cause, however many models there are."""

from common import data, keras, layers


def a():
    x, y = data()
    for units in (3, 4):
        for rate in (0.1, 0.01):
            model = keras.Sequential([keras.Input(x.shape[1:]), layers.Dense(units), layers.Dropout(0.5), layers.Dense(1)])
            model.compile(keras.optimizers.SGD(rate), "mse")
            model.fit(x, y, batch_size=16, epochs=2, verbose=0)


b = a
EXPECT = {"verdict": "diverged", "stage": ["initial_weights"], "slug": "unseeded", "isolated": True, "causes": 1}
