"""The side of a measured training that waits for its turn: a Keras callback that times chunks, an epoch each.

Turns come and times go through two named pipes: a recorded script inherits no open files. It hooks nothing into the
single step: with a callback that is called after each batch, Keras waits for the results of each, and plain `fit` would
be slower than it is.
"""

import os
import sys
import time

import keras

TURN = "SAMEFIT_BENCHMARK_TURN"
SAY = "SAMEFIT_BENCHMARK_SAY"
CHUNK = int(os.environ.get("SAMEFIT_BENCHMARK_CHUNK", "100"))
"""Steps in an epoch."""


class Turns(keras.callbacks.Callback):
    """Trains an epoch, says how many seconds it took, and waits for the next turn."""

    def __init__(self):
        super().__init__()
        # In the order in which the other end opens them.
        self._turn = os.open(os.environ[TURN], os.O_RDONLY)
        self._say = os.open(os.environ[SAY], os.O_WRONLY)
        self._begun = 0.0

    def on_train_begin(self, logs=None):
        """Waits for the first turn."""
        self._wait()

    def on_epoch_end(self, epoch, logs=None):
        """Ends the chunk: Keras has computed all of its steps."""
        os.write(self._say, f"{time.perf_counter() - self._begun!r}\n".encode())
        self._wait()

    def _wait(self):
        order = os.read(self._turn, 1)
        if order != b"g":
            self.model.stop_training = True
            sys.stdout.flush()
        self._begun = time.perf_counter()
