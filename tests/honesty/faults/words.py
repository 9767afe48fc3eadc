"""Pieces of scripts that several faults use."""

from __future__ import annotations

FIT = "model.fit(x, y, epochs=$epochs, batch_size=$batch, shuffle=$shuffle, verbose=0{})"
AGAIN = "model.fit(x, y, epochs=2, initial_epoch=1, batch_size=$batch, shuffle=False, verbose=0)"
ONCE = "model.fit(x, y, epochs=1, batch_size=$batch, shuffle=False, verbose=0)"
TWICE = {"fit": f"{ONCE}\n{AGAIN}"}
BETWEEN = f"{ONCE}\n{{}}\n{AGAIN}"
COMPILE = 'model.compile(keras.optimizers.$optimizer, "mse")'
WITH_LOSS = "model.compile(keras.optimizers.$optimizer, {})"
WITH_OPTIMIZER = 'model.compile(keras.optimizers.{}, "mse")'
ADAM = 'model.compile(keras.optimizers.Adam($rate), "mse")'
RATES = {"rate": (0.003, 0.01, 0.03)}
START = ("initial_weights",)
SLOTS = ("update", "state")

BATCHES = """
import time


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 24

    def __getitem__(self, index):
        {}
        start = $batch * (index % $steps)
        rows = slice(start, start + $batch)
        return x[rows] + {}.astype("float32"), y[rows]
"""
DRAWS = "np.random.normal(size=x[rows].shape)"
FROM_BATCHES = "model.fit(Batches(workers={}), epochs=$epochs, shuffle=False, verbose=0)"
GAIN = """
class Gain(layers.Layer):
    factor = 1.0

    def call(self, x):
        return x * self.factor
"""
DAMPED = """
class Damped(layers.Layer):
    share = 1.0

    def call(self, x):
        part = x * self.share
        return part + keras.ops.stop_gradient(x - part)
"""
SCALED = """
class Scaled(keras.optimizers.SGD):
    factor = 1.0

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient * self.factor, variable, learning_rate)
"""
SHRINK = """
class Shrink(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 0:
            weight = self.model.trainable_variables[0]
            weight.assign(weight * $share)
"""
SCATTER = """
import torch

torch.set_num_threads(4)


class Pooled(layers.Layer):
    def build(self, shape):
        self.scale = self.add_weight(shape=(300_000,), initializer="ones", name="scale")

    def call(self, x):
        values = self.scale * x.mean()
        places = torch.arange(300_000) % $bins
        sums = torch.zeros($bins).index_put((places,), values * torch.linspace(0.1, 3, 300_000), accumulate=True)
        return x * (1 + sums.sum() * 1e-6)
"""
