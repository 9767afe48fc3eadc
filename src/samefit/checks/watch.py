"""Watching two runs while they are written: once they have parted for good, there is no need to train on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samefit.checks.pair import Part, compared, in_one_order
from samefit.comparison.result import Comparison
from samefit.errors import RunError
from samefit.store.reader import Run
from samefit.types import Stage

_STEPS_MORE = 20
"""Steps that are recorded after the first divergence: they show how the gap grows."""

_SECONDS_MORE = 2.0
"""Time that both sides get once they have parted, and again for these steps; where steps are slow, fewer have to do."""

_SHARE_MORE = 6
"""They get at least one part in so many of the time until then: a machine that is slow or busy stays so."""

_FIRST_PAUSE = 0.3
_SHARE = 30
"""Looking takes at most one part in so many of the time, also where runs are long."""

_ROUNDING_GAP = 1e-3
"""A relative gap of the loss below this could still be rounding, which is judged on the whole training."""


def parted_for_good(comparison: Comparison) -> bool:
    """Whether two unfinished runs part, and by more than rounding might."""
    divergence = comparison.first_divergence
    if divergence is None or divergence.stage is Stage.REPORTING:
        # Metrics that differ say nothing of the training, which may part later on.
        return False
    if divergence.stage in (Stage.INITIAL_WEIGHTS, Stage.DATA):
        return True
    loss = comparison.differences.get("loss")
    return loss is not None and loss.max_rel is not None and loss.max_rel > _ROUNDING_GAP


def _has_begun(side: Part) -> bool:
    """Whether all trainings that were asked for are there; a side without a name or numbers is its whole run."""
    numbers = {training.number for training in side.selected()}
    return bool(numbers) and numbers >= set(side.trainings or ())


@dataclass
class Watch:
    """Looks at runs from time to time, and says after how many steps each can end.

    Attributes:
        sides: Returns the two sides, from the runs in the order of their processes.
        enough: Whether a comparison of unfinished runs settles what was asked.
    """

    sides: Callable[[Sequence[Run]], tuple[Part, Part]]
    enough: Callable[[Comparison], bool]
    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _next: float = field(default=0.0, init=False)
    _parted: float | None = field(default=None, init=False)
    _ends: Sequence[int] | None = field(default=None, init=False)
    _told: bool = field(default=False, init=False)

    @property
    def settled(self) -> bool:
        """Whether the runs were told to end."""
        return self._told

    def stop_after(self, directories: Sequence[Path]) -> Sequence[int] | None:
        """Returns after how many steps each run can end, or None as long as both must go on."""
        now = time.monotonic()
        if self._parted is not None:
            waited = now - self._parted
            more = max(_SECONDS_MORE, (self._parted - self._began) / _SHARE_MORE)
            if waited < more:
                # A training that is over by then shows its final metrics as well.
                return None
            self._told = True
            return self._ends if waited < 2 * more else [0] * len(directories)
        if now < self._next:
            return None
        self._ends = self._look(directories)
        self._next = time.monotonic() + max(_FIRST_PAUSE, _SHARE * (time.monotonic() - now))
        if self._ends is not None:
            self._parted = time.monotonic()
        return None

    def _look(self, directories: Sequence[Path]) -> Sequence[int] | None:
        runs: list[Run] = []
        try:
            for directory in directories:
                if not (directory / "manifest.json").exists():
                    return None
                try:
                    runs.append(Run.open(directory))
                except RunError:
                    # The writer has only just begun. A run that is damaged for good fails when it is opened at its end.
                    return None
                runs[-1].hold()
            sides = in_one_order(*self.sides(runs))
            if not all(_has_begun(side) for side in sides):
                return None
            comparison = compared(*sides)
            divergence = comparison.first_divergence
            if divergence is None or not self.enough(comparison):
                return None
            # Sides that share a process end at the later of their steps.
            return [
                max(side.steps_up_to(divergence.step) for side in sides if side.run is run) + _STEPS_MORE
                for run in runs
            ]
        finally:
            for run in runs:
                run.close()
