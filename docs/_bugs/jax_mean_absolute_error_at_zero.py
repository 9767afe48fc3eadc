"""JAX: the gradient of `MeanAbsoluteError` where prediction and target are equal is not 0.

Prints the gradient at that place: 0 on TensorFlow and PyTorch. Keras 3.15.1, JAX 0.10.2: -1.0.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy as np

loss = keras.losses.MeanAbsoluteError()
print(jax.grad(lambda prediction: loss(np.zeros((1, 1), "float32"), prediction))(np.zeros((1, 1), "float32"))[0, 0])
