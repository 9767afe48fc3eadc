"""Prints how long a step of a measured training takes, and how much memory it has to get from the system.

KERAS_BACKEND=torch python benchmarks/faults.py cnn
"""

import os
import resource
import statistics
import sys
import time

os.environ.setdefault("SAMEFIT_BENCHMARK_CHUNK", "20")  # before `training` is imported, which reads it

import keras
import training
import turns

EPOCHS, WARM_UP = 14, 4


class Faults(keras.callbacks.Callback):
    """Notes seconds, page faults and seconds in the kernel of each epoch."""

    def __init__(self):
        super().__init__()
        self.epochs = []
        self._before = ()

    def on_epoch_begin(self, epoch, logs=None):
        """Reads what was used so far."""
        self._before = self._used()

    def on_epoch_end(self, epoch, logs=None):
        """Notes what the epoch took."""
        self.epochs.append([now - before for now, before in zip(self._used(), self._before, strict=True)])

    @staticmethod
    def _used():
        used = resource.getrusage(resource.RUSAGE_SELF)
        return time.perf_counter(), used.ru_minflt, used.ru_stime


def main(model):
    """Trains a model for some epochs, and prints medians of all but the first."""
    faults = Faults()
    training.train(model, lambda _: [faults], EPOCHS)
    seconds, pages, kernel = (
        statistics.median(column) / turns.CHUNK for column in zip(*faults.epochs[WARM_UP:], strict=True)
    )
    print(f"{1e3 * seconds:.1f} ms a step, {pages:.0f} page faults, {1e3 * kernel:.1f} ms in the kernel")


if __name__ == "__main__":
    main(sys.argv[1])
