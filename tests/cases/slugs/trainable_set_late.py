"""A layer is frozen between two fits; only one side calls compile again. TensorFlow trains the old set on."""

from common import data, keras, model


def train(again):
    built = model()
    x, y = data()
    built.compile(keras.optimizers.SGD(0.1), "mse")
    built.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0)
    built.layers[0].trainable = False
    if again:
        built.compile(keras.optimizers.SGD(0.1), "mse")
    built.fit(x, y, epochs=1, batch_size=8, shuffle=False, verbose=0)


def a():
    train(True)


def b():
    train(False)


EXPECT = {"verdict": "diverged", "stage": ["backward", "update"], "slug": "trainable-set", "backends": ["tensorflow"]}
