"""TensorFlow: optimizers square each row of an embedding's gradient, and not the sum of rows that a word got.

Prints the mean square that RMSprop keeps of a row that was used twice, with gradients of 1 and 2; of their sum it is
0.9, as on JAX and PyTorch. Keras 3.15.1, TensorFlow 2.21: 0.5. Adam, Adagrad and others keep another one as well.
"""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
import keras
import numpy as np

layer = keras.layers.Embedding(2, 1, embeddings_initializer="ones")
model = keras.Sequential([keras.Input((2,), dtype="int32"), layer])
model.compile(keras.optimizers.RMSprop(), lambda y, predicted: keras.ops.sum(y * predicted))
model.fit(np.zeros((1, 2), "int32"), np.array([[[1.0], [2.0]]], "float32"), verbose=0)
print(float(model.optimizer.variables[2][0, 0]))
