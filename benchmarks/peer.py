"""The peer: msprobe (package mindstudio-probe), which dumps statistics of the tensors of each step.

It is no part of samefit's environment: its row is measured where SAMEFIT_BENCHMARK_MSPROBE names a Python that has it,
Keras and PyTorch. Its dumps go to SAMEFIT_BENCHMARK_DUMP.
"""

import os

import keras
from msprobe.pytorch import PrecisionDebugger


class Statistics(keras.callbacks.Callback):
    """Dumps statistics of each step."""

    def __init__(self):
        super().__init__()
        self._debugger = PrecisionDebugger(
            task="statistics", level="L1", dump_path=os.environ["SAMEFIT_BENCHMARK_DUMP"] + "/msprobe"
        )

    def on_train_batch_begin(self, batch, logs=None):
        """Begins to dump."""
        self._debugger.start(model=self.model)

    def on_train_batch_end(self, batch, logs=None):
        """Ends the dump of the step."""
        self._debugger.stop()
        self._debugger.step()


def callbacks(model):
    """Returns the callbacks of a training that is dumped."""
    return [Statistics()]
