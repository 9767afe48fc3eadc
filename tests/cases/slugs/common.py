"""What the scripts of this folder share: small data, a small model, local generators that touch no global one."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import layers


def data(n=48, d=6, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, d)).astype("float32")
    return x, np.tanh(x @ generator.normal(size=(d, 1))).astype("float32")


def glorot(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def model(activation="relu", **options):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation=activation, kernel_initializer=glorot(1), **options),
            layers.Dense(1, kernel_initializer=glorot(2)),
        ]
    )


def fit(built, x=None, y=None, optimizer=None, loss="mse", **options):
    if x is None:
        x, y = data()
    built.compile(optimizer or keras.optimizers.SGD(0.1), loss)
    built.fit(x, y, **{"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0, **options})
