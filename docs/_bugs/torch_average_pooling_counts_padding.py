"""PyTorch: `AveragePooling2D(padding="same")` counts a padding with copies of the edge where it is uneven.

Prints averages of 0 to 35 in six rows. The last row should be 28, 30, 31.5, as on JAX and TensorFlow, which count no
padding. Keras 3.15.1, PyTorch 2.13, CPU: 29, 31, 32.667.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
import numpy as np

x = np.arange(36, dtype="float32").reshape(1, 6, 6, 1)
pool = keras.layers.AveragePooling2D(3, strides=2, padding="same")
print(np.round(keras.ops.convert_to_numpy(pool(x))[0, :, :, 0], 3))
