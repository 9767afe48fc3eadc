"""A class of the user's multiplies what is masked by one, with Python's operator, and loses the mask."""

import numpy as np
from common import fit, glorot, keras, layers


class Model(keras.Model):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.embedding = layers.Embedding(
            9, 4, mask_zero=True, embeddings_initializer=keras.initializers.RandomNormal(seed=1)
        )
        self.recurrent = layers.SimpleRNN(
            5, kernel_initializer=glorot(2), recurrent_initializer=keras.initializers.Orthogonal(seed=3)
        )
        self.out = layers.Dense(1, kernel_initializer=glorot(4))

    def call(self, tokens):
        embedded = self.embedding(tokens)
        return self.out(self.recurrent(embedded * 1.0 if self.scale else embedded))


def train(scale):
    tokens = np.random.default_rng(0).integers(1, 9, (48, 6))
    tokens[:, 4:] = 0
    fit(Model(scale), tokens, tokens[:, :1].astype("float32"))


def a():
    train(False)


def b():
    train(True)


EXPECT = {"verdict": "diverged", "stage": ["forward"], "slug": "model-config"}
