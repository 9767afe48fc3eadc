"""What no rounding changes, looked at in all steps after two sides began to differ by rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samefit.comparison.finding import Finding
from samefit.comparison.optimizers import STEERING
from samefit.comparison.pairing import Pairing, at, differing
from samefit.comparison.steps import StepScan
from samefit.store.reader import Run
from samefit.store.records import StateRecord, TrainingRecord
from samefit.types import Role, Stage


def beyond_rounding(
    run_a: Run,
    trainings_a: Sequence[TrainingRecord],
    run_b: Run,
    trainings_b: Sequence[TrainingRecord],
    step: int,
    *,
    rounded_batches: bool = False,
) -> str:
    """Looks for what differs although rounding cannot change it: batches, seeds, counters, rates, numbers of steps.

    Args:
        run_a: The baseline's run.
        trainings_a: The baseline's trainings.
        run_b: The candidate's run.
        trainings_b: The candidate's trainings.
        step: 1-based step, over the compared sequence, at which the two part.
        rounded_batches: Whether the values of the batches were looked at, and differ by rounding where they do.

    Returns:
        What differs, in words; "" if nothing does.
    """
    pairing = Pairing(run_a, run_b, trainings_a, trainings_b)
    finding = _ExactScan(pairing, rounded_batches).first_from(step - 1)
    if finding is not None:
        more = f" ({finding.detail})" if finding.detail else ""
        return f"at step {finding.position + 1}, {finding.stage.in_words}: {finding.path}{more}"
    if "stopped" in (run_a.status, run_b.status):
        # Their script would have gone on.
        return ""
    if len(pairing.steps_a) != len(pairing.steps_b):
        return f"the baseline trains {len(pairing.steps_a)} steps and the candidate {len(pairing.steps_b)}"
    for role, trainings in (("baseline", trainings_a), ("candidate", trainings_b)):
        for training in trainings:
            if training.status != "complete":
                return f"training #{training.number} of the {role} is {training.status}"
    return ""


class _ExactScan(StepScan):
    """Looks at those records of a step that are the same on both sides, however their sums are rounded."""

    def __init__(self, pairing: Pairing, rounded_batches: bool) -> None:
        super().__init__(pairing)
        self._rounded_batches = rounded_batches
        self._last: tuple[StateRecord, StateRecord] | None = None

    def first_from(self, begin: int) -> Finding | None:
        """Returns the first difference at the position `begin` or later."""
        for position in range(begin, len(self._pairing)):
            weighted = self.reweighted
            for finding in self._step(position):
                return finding
            if self.reweighted and not weighted and position > begin:
                return Finding(position, Stage.DATA, "inputs", "the same samples, weighted otherwise")
        return None

    def _step(self, position: int) -> Iterator[Finding]:
        a, b = self._pairing.steps_a[position], self._pairing.steps_b[position]
        if not self._rounded_batches:
            yield from self._data(position, a, b)
        yield from self._randomness(position, a, b)
        for first, second in (self._pairing.states_after(position), self._at_its_end(position)):
            if first is not None and second is not None:
                yield from self._counted(position, first, second)
                self._last = first, second

    def _at_its_end(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        return self._pairing.states_at_end(position) if position in self._ends else (None, None)

    def _counted(self, position: int, first: StateRecord, second: StateRecord) -> Iterator[Finding]:
        """Compares counters of updates, learning rates, and the seeds that have moved since the state before."""
        layout = self._pairing.run_a.layouts[first.layout]
        alignment = self._pairing.align(position, first, second)
        for i, j in self._effective(position, differing(alignment, first, second), layout):
            if layout[i].slot in STEERING:
                yield Finding(position, Stage.UPDATE, layout[i].path)
            elif layout[i].role is Role.SEED and self._has_moved(first, i, second, j):
                yield Finding(position, Stage.RANDOMNESS, layout[i].path, "a random layer's seed or counter")

    def _has_moved(self, first: StateRecord, i: int, second: StateRecord, j: int) -> bool:
        if self._last is None or (first.layout, second.layout) != (self._last[0].layout, self._last[1].layout):
            return False
        return at(first, i) != at(self._last[0], i) or at(second, j) != at(self._last[1], j)
