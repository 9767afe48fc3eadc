"""A dataset with a generator of its own that was given no seed."""

import numpy as np
from common import data, fit, keras, model


class Shuffled(keras.utils.PyDataset):
    def __init__(self, seed=None):
        super().__init__()
        self.x, self.y = data()
        self.rows = np.random.default_rng(seed).permutation(len(self.x))

    def __len__(self):
        return 6

    def __getitem__(self, index):
        rows = self.rows[8 * index : 8 * index + 8]
        return self.x[rows], self.y[rows]


def a():
    fit(model(), Shuffled(), batch_size=None)


b = a


EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "unseeded"}
