"""PyTorch: `RandomBrightness` adds to its input in place.

Should print 0.0, the largest value of an input of zeros after the call. Keras 3.15.1, PyTorch 2.13: 0.5.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras

x = keras.ops.zeros((1, 4, 4, 3))
keras.layers.RandomBrightness((0.5, 0.5), value_range=(0, 1))(x, training=True)
print(float(keras.ops.max(x)))
