"""Several workers draw from one generator while they make their batches."""

import time

from common import data, fit, keras, model, np


class Batches(keras.utils.PyDataset):
    def __init__(self, workers):
        super().__init__(workers=workers)
        self.x, self.y = data()

    def __len__(self):
        return 6

    def __getitem__(self, index):
        time.sleep(time.perf_counter_ns() % 7 / 1000)
        rows = slice(8 * index, 8 * index + 8)
        return self.x[rows] + np.random.normal(size=(8, 6)).astype("float32"), self.y[rows]


def train():
    keras.utils.set_random_seed(3)
    fit(model(), Batches(workers=4), batch_size=None)


a = b = train
EXPECT = {"verdict": "diverged", "stage": ["data"], "slug": "data-race"}
