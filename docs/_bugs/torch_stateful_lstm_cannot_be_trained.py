"""PyTorch: a stateful `LSTM` cannot be trained: the first step raises.

Prints the loss of one step on JAX and TensorFlow. Keras 3.15.1, torch 2.13.0: RuntimeError, "one of the variables
needed for gradient computation has been modified by an inplace operation" (the state is assigned too early).
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

model = keras.Sequential([keras.Input((5, 3), batch_size=4), keras.layers.LSTM(2, stateful=True)])
model.compile("sgd", "mse")
print(model.train_on_batch(np.ones((4, 5, 3), "float32"), np.ones((4, 2), "float32")))
