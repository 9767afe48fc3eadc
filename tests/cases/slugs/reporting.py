"""A metric of the same name is another quantity; the trainings are the same."""

from common import data, keras, model


def train(metric):
    built = model()
    built.compile(keras.optimizers.SGD(0.1), "mse", metrics=[metric(name="error")])
    x, y = data()
    built.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)


def a():
    train(keras.metrics.MeanAbsoluteError)


def b():
    train(keras.metrics.MeanSquaredError)


EXPECT = {"verdict": "diverged", "stage": ["reporting"], "slug": "reporting"}
