"""A stateful recurrent layer has read the data once before it trains: its state goes on from there."""

from common import data, fit, glorot, keras, layers


def model():
    return keras.Sequential(
        [
            keras.Input((3, 2), batch_size=8),
            layers.SimpleRNN(4, stateful=True, kernel_initializer=glorot(1), recurrent_initializer=glorot(2)),
            layers.Dense(1, kernel_initializer=glorot(3)),
        ]
    )


def a():
    x, y = data()
    fit(model(), x.reshape(-1, 3, 2), y)


def b():
    x, y = data()
    built = model()
    built.predict(x.reshape(-1, 3, 2), batch_size=8, verbose=0)
    fit(built, x.reshape(-1, 3, 2), y)


EXPECT = {"verdict": "diverged", "stage": ["initial_weights", "state"], "slug": "state-carried-over", "backends": ["tensorflow", "torch"]}
