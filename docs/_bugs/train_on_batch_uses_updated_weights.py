"""TensorFlow, compiled without XLA: `train_on_batch` computes some gradients with weights that it has updated already.

Prints the number of models whose first step was right; it should be 40, and `fit` gives 40.
Keras 3.15.1, TensorFlow 2.21, CPU: 30 and 32 of 40 in two runs.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np

x, y = np.random.default_rng(0).normal(size=(2, 64, 8)).astype("float32")
first, second = np.random.default_rng(1).normal(size=(2, 8, 8)).astype("float32")
expected = first - x.T @ (y @ second.T)
right = 0
for _ in range(40):
    layers = [keras.Input((8,)), keras.layers.Dense(8, use_bias=False), keras.layers.Dense(8, use_bias=False)]
    model = keras.Sequential(layers)
    model.set_weights([first, second])
    model.compile(keras.optimizers.SGD(1.0), lambda y, p: keras.ops.sum(y * p), jit_compile=False)
    model.train_on_batch(x, y)
    right += np.allclose(model.get_weights()[0], expected, rtol=1e-3, atol=1e-2)
print(right)
