"""Build one residual network in two ways, train both the same way, and compare the histories.

Everything that looks random is seeded: `keras.utils.set_random_seed` on top, and every initialiser by itself. So the
two trainings should be the same. The situation is that of keras-team/keras issue 20577. Run it as it is,

    python examples/sequential_vs_subclass.py

or ask samefit where the two part and why:

    samefit check examples/sequential_vs_subclass.py --trainings 1,2
"""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from keras import layers
from sklearn.datasets import load_digits

keras.utils.set_random_seed(1)


def seeded(seed):
    return keras.initializers.GlorotUniform(seed=seed)


class ResidualBlock(layers.Layer):
    """Two convolutions over time, added to what came in."""

    def __init__(self, filters, seed, **kwargs):
        super().__init__(**kwargs)
        self.first = layers.Conv1D(filters, 3, padding="same", activation="relu", kernel_initializer=seeded(seed))
        self.second = layers.Conv1D(filters, 3, padding="same", kernel_initializer=seeded(seed + 1))

    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(self.first.compute_output_shape(input_shape))

    def call(self, inputs):
        return keras.activations.relu(inputs + self.second(self.first(inputs)))


class ResidualNet(keras.Model):
    """The same layers as in `sequential`, as a subclassed model."""

    def __init__(self):
        super().__init__()
        self.stem = layers.Conv1D(16, 3, padding="same", activation="relu", kernel_initializer=seeded(10))
        self.block = ResidualBlock(16, seed=20)
        self.pool = layers.GlobalAveragePooling1D()
        self.head = layers.Dense(10, activation="softmax", kernel_initializer=seeded(30))

    def call(self, inputs):
        return self.head(self.pool(self.block(self.stem(inputs))))


def sequential():
    return keras.Sequential(
        [
            keras.Input((8, 8)),
            layers.Conv1D(16, 3, padding="same", activation="relu", kernel_initializer=seeded(10)),
            ResidualBlock(16, seed=20),
            layers.GlobalAveragePooling1D(),
            layers.Dense(10, activation="softmax", kernel_initializer=seeded(30)),
        ],
        name="residual",
    )


def compiled(model):
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


digits = load_digits()
images = (digits.images / 16.0).astype("float32")  # 1797 images; the 8 rows of 8 pixels are the time steps
labels = digits.target

as_sequential = compiled(sequential())
as_subclass = compiled(ResidualNet())

one = as_sequential.fit(images, labels, epochs=3, batch_size=128, verbose=0)
two = as_subclass.fit(images, labels, epochs=3, batch_size=128, verbose=0)

for name, history in (("Sequential", one.history), ("subclassed", two.history)):
    print(name)
    for loss, accuracy in zip(history["loss"], history["accuracy"], strict=True):
        print(f"  loss {loss:.6f}  accuracy {accuracy:.4f}")
