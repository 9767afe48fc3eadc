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
"""Steps that are not counted: compilation, first reads, and the steps of which each has its state recorded."""


class Part:
    """A function that is timed."""

    def __init__(self, recorder, owner, name):
        self.name = name
        self._recorder = recorder
        self._function = getattr(owner, name)
        self._calls, self._wall, self._cpu = 0, 0.0, 0.0
        setattr(owner, name, self)

    def __call__(self, *args, **kwargs):
        """Calls the function."""
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            return self._function(*args, **kwargs)
        finally:
            if self._recorder._steps > STEPS_BEFORE:
                self._calls += 1
                self._wall += time.perf_counter() - wall
                self._cpu += time.thread_time() - cpu

    def __str__(self):
        calls = max(1, self._calls)
        steps = max(1, self._recorder._steps - STEPS_BEFORE)
        wall, cpu = 1e6 * self._wall, 1e6 * self._cpu
        each = f"{wall / calls:8.1f} us each"
        return f"{self.name:15} {self._calls:6} calls, {each}; {wall / steps:8.1f} us a step, CPU {cpu / steps:8.1f} us"


def main(name, epochs, *options):
    """Trains one of the models of `training.py`, and prints what each part took."""
    with (
        tempfile.TemporaryDirectory() as home,
        samefit.Recorder(f"{home}/run", every_step="--every-step" in options) as recorder,
    ):
        inner = recorder._live.recorder
        functions = (
            (inner, "step"),
            (inner, "_before"),
            (inner, "_after"),
            (batches, "digest_batch"),
            (inner.ledger, "digests"),
            (inner._states, "readings"),
            (inner._states, "record"),
            (inner._log, "add"),
            (inner._log, "write"),
        )
        parts = [Part(inner, owner, name) for owner, name in functions]
        training.train(name, lambda model: [], int(epochs))
    print(*parts, sep="\n")


main(*sys.argv[1:])
