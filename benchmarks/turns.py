"""The side of a measured training that waits for its turn: a Keras callback that times chunks of steps.

Turns come and times go through two named pipes: a recorded script inherits no open files.
"""

import os
import sys
import time

import keras

TURN = "SAMEFIT_BENCHMARK_TURN"
SAY = "SAMEFIT_BENCHMARK_SAY"
CHUNK = "SAMEFIT_BENCHMARK_CHUNK"


class Turns(keras.callbacks.Callback):
    """Trains a chunk of steps, says how many seconds it took, and waits for the next turn."""

    def __init__(self):
        super().__init__()
        # In the order in which the other end opens them.
        self._turn = os.open(os.environ[TURN], os.O_RDONLY)
        self._say = os.open(os.environ[SAY], os.O_WRONLY)
        self._chunk = int(os.environ[CHUNK])
        self._steps = 0
        self._begun = 0.0

    def on_train_begin(self, logs=None):
        """Waits for the first turn."""
        self._wait()

    def on_train_batch_end(self, batch, logs=None):
        """Ends the chunk after its last step."""
        self._steps += 1
        if self._steps % self._chunk == 0:
            float((logs or {})["loss"])  # the chunk is over when its last step has been computed
            os.write(self._say, f"{time.perf_counter() - self._begun!r}\n".encode())
            self._wait()

    def _wait(self):
        order = os.read(self._turn, 1)
        if order != b"g":
            self.model.stop_training = True
            sys.stdout.flush()
        self._begun = time.perf_counter()
