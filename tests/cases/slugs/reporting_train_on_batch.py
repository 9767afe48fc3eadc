"""fit against a loop of train_on_batch: the same training, and the loss is another mean."""

from common import data, keras, model


def compiled():
    built = model()
    built.compile(keras.optimizers.SGD(0.1), "mse")
    return built


def a():
    x, y = data()
    compiled().fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)


def b():
    x, y = data()
    built = compiled()
    for _ in range(2):
        for i in range(0, len(x), 8):
            built.train_on_batch(x[i : i + 8], y[i : i + 8])


EXPECT = {"verdict": "diverged", "stage": ["reporting"], "slug": "reporting", "confirmed": False}
