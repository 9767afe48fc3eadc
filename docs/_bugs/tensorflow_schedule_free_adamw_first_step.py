"""TensorFlow: the first step of `ScheduleFreeAdamW` throws the initial weights away.

Prints how far it moves a weight of 1; by Adam's rule by no more than the learning rate, 0.1, as on JAX and PyTorch.
Keras 3.15.1, TensorFlow 2.21: 1.1, to where it would have come from 0.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np

model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)])
model.compile(keras.optimizers.ScheduleFreeAdamW(0.1), "mse")
model.fit(np.ones((8, 1), "float32"), np.zeros((8, 1), "float32"), batch_size=8, verbose=0)
print(1.0 - float(model.get_weights()[0][0, 0]))
