"""A dataset that shuffles itself after each epoch, and on one side a callback that draws in between."""

import numpy as np
from common import data, fit, keras, model


class Shuffled(keras.utils.PyDataset):
    def __init__(self):
        super().__init__()
        self.x, self.y = data()
        self.rows = np.arange(len(self.x))

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = self.rows[8 * index : 8 * index + 8]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.rows)


class Samples(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        np.random.randint(10)


def train(*callbacks):
    keras.utils.set_random_seed(1)
    fit(model(), Shuffled(), batch_size=None, epochs=3, callbacks=list(callbacks))


def a():
    train()


def b():
    train(Samples())


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "generator-advanced"}
