"""PyTorch: `LayerNormalization(axis=(1, 2))` fails where the axes are not the last; JAX and TensorFlow compute it.

Should print the shape (2, 3, 4, 5). Keras 3.15.1, PyTorch 2.13: RuntimeError, "Given normalized_shape=[3, 4], …".
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

print(keras.layers.LayerNormalization(axis=(1, 2))(np.ones((2, 3, 4, 5), "float32")).shape)
