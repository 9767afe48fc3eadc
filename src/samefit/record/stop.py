"""Ending a recorded script early. Imports the standard library alone: the launcher must know the exception cheaply."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable

_SECONDS = 0.01
"""Between two looks for the file: a look costs as much as a tenth of a small step."""


class StopRecordedRun(BaseException):
    """Ends the user's script at a step boundary because the parent has seen enough."""


def is_stop(error: BaseException | None) -> bool:
    """Whether an exception is `StopRecordedRun`, or came up on its way out.

    A `finally` may need what the step has taken: `fit` on JAX averages weights there whose values are gone
    (keras/src/backend/jax/trainer.py, Keras 3.15.1, with `use_ema`).
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, StopRecordedRun):
            return True
        seen.add(id(error))
        error = error.__context__
    return False


class StopPoint:
    """Where a recorded run ends before its script does.

    Args:
        file: If this file appears, the run ends; a number in it is the number of steps to record before.
        steps: Number of steps after which the run ends in any case, or None.
        clock: Returns seconds.
    """

    def __init__(self, file: str | None, steps: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._steps = steps
        self._clock = clock
        self._look_at = clock()

    def left(self, recorded: int) -> float:
        """Returns how many more steps there are at most after `recorded` ones."""
        return math.inf if self._steps is None else max(0, self._steps - recorded)

    def is_reached(self, recorded: int) -> bool:
        """Whether `recorded` steps are enough."""
        if self._steps is not None and recorded >= self._steps:
            return True
        if self._file is None or (now := self._clock()) < self._look_at:
            return False
        if not os.path.exists(self._file):
            self._look_at = now + _SECONDS
            return False
        with open(self._file) as file:
            return recorded >= int(file.read() or 0)
