"""Where the time of a recorded step goes: a model trains under the recorder, whose parts are timed.

KERAS_BACKEND=jax python benchmarks/parts.py mlp 20 [--every-step]    # 20 epochs of 100 steps

What is timed takes a microsecond or two longer. CPU time is that of the training's own thread.
"""

import sys
import tempfile
import time

import training

import samefit
from samefit.record import batches

STEPS_BEFORE = 200
"""Calls that are not counted: compilation, first reads, and the steps of which each has its state recorded."""


class Part:
    """A function that is timed."""

    def __init__(self, owner, name):
        self.name = name
        self._function = getattr(owner, name)
        self._calls, self._wall, self._cpu = 0, 0.0, 0.0
        setattr(owner, name, self)

    def __call__(self, *args, **kwargs):
        """Calls the function."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return self._function(*args, **kwargs)
        finally:
            self._calls += 1
            if self._calls > STEPS_BEFORE:
                self._wall += time.perf_counter() - wall
                self._cpu += time.thread_time() - cpu

    def __str__(self):
        calls = max(1, self._calls - STEPS_BEFORE)
        wall, cpu = 1e6 * self._wall / calls, 1e6 * self._cpu / calls
        return f"{self.name:15} {self._calls:6} calls, {wall:8.1f} us each, CPU {cpu:8.1f} us"


def main(name, epochs, *options):
    """Trains one of the models of `training.py`, and prints what each part took."""
    with (
        tempfile.TemporaryDirectory() as home,
        samefit.Recorder(f"{home}/run", every_step="--every-step" in options) as recorder,
    ):
        inner = recorder._live.recorder
        parts = [
            Part(inner, "step"),
            Part(inner, "_before"),
            Part(inner, "_after"),
            Part(batches, "digest_batch"),
            Part(inner.ledger, "digests"),
            Part(inner._states, "values"),
            Part(inner._states, "record"),
            Part(inner._log, "add"),
            Part(inner._log, "wait"),
            Part(inner._log, "read_batches"),
            Part(inner._log, "write"),
        ]
        training.train(name, lambda model: [], int(epochs))
    print(*parts, sep="\n")


main(*sys.argv[1:])
