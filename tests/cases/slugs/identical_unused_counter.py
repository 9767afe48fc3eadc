"""SGD does not use its counter: the weights alone are all that it needs to go on."""

from common import data, keras, model


def compiled():
    built = model()
    built.compile(keras.optimizers.SGD(0.1, momentum=0.0), "mse")
    return built


def fit(built, **epochs):
    x, y = data()
    built.fit(x, y, batch_size=8, shuffle=False, verbose=0, **epochs)


def a():
    fit(compiled(), epochs=2)


def b():
    built = compiled()
    fit(built, epochs=1)
    fresh = compiled()
    fresh.set_weights(built.get_weights())
    fit(fresh, initial_epoch=1, epochs=2)


EXPECT = {"verdict": "identical"}
