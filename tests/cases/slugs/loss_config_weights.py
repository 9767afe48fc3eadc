"""The losses of two outputs are weighted otherwise."""

from common import data, glorot, keras, layers


def train(weights):
    inputs = keras.Input((6,))
    hidden = layers.Dense(8, activation="relu", kernel_initializer=glorot(1))(inputs)
    outputs = [layers.Dense(1, kernel_initializer=glorot(seed))(hidden) for seed in (2, 3)]
    built = keras.Model(inputs, outputs)
    built.compile(keras.optimizers.SGD(0.1), ["mse", "mse"], loss_weights=weights)
    x, y = data()
    built.fit(x, [y, y * y], epochs=2, batch_size=8, shuffle=False, verbose=0)


def a():
    train([1.0, 0.5])


def b():
    train([1.0, 0.25])


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "loss-config"}
