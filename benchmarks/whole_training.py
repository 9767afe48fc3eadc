"""A training of some minutes: two copies of it are checked, and run plainly side by side."""

import os

import keras
import numpy as np

SEED = 1
keras.utils.set_random_seed(SEED)
model = keras.Sequential(
    [
        keras.Input((24, 24, 1)),
        keras.layers.Conv2D(16, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(10, "softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy")
random = np.random.default_rng(1)
x = random.standard_normal((6400, 24, 24, 1), dtype="float32")
model.fit(x, random.integers(0, 10, 6400), batch_size=64, epochs=int(os.environ["SAMEFIT_BENCHMARK_EPOCHS"]), verbose=0)
