"""One fit against two: in the second one a schedule by epochs begins at epoch 0 again."""

from common import data, keras, model


def train(*fits):
    built = model()
    built.compile(keras.optimizers.SGD(0.1), "mse")
    x, y = data()
    for epochs in fits:
        schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 * 0.5**epoch)
        built.fit(x, y, epochs=epochs, batch_size=8, shuffle=False, verbose=0, callbacks=[schedule])


def a():
    train(4)


def b():
    train(2, 2)


EXPECT = {"verdict": "diverged", "stage": ["update"], "slug": "state-lost", "backends": ["tensorflow", "torch"]}
