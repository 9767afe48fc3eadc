"""The same step, compiled on one side and run operation by operation on the other: the same sums in another order."""

from common import data, glorot, keras, layers


def model():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(32, activation="tanh", kernel_initializer=glorot(1)),
            layers.LayerNormalization(),
            layers.Dense(32, activation="gelu", kernel_initializer=glorot(2)),
            layers.Dense(1, kernel_initializer=glorot(3)),
        ]
    )


def fit(**options):
    x, y = data()
    built = model()
    built.compile(keras.optimizers.Adam(0.01), "mse", **options)
    built.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)


def a():
    fit()


def b():
    fit(run_eagerly=True)


EXPECT = {"verdict": "within_tolerance", "stage": ["forward", "backward", "update"], "slug": "rounding", "backends": ["jax", "tensorflow"]}
