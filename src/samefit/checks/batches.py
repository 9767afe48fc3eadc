"""Batches that are made by a model on each side: they differ by rounding, or they are others. Measured in re-runs.

What a model computes on two backends is not bit-equal, so that the digests of such batches say nothing. Both sides run
again and keep the batches themselves; then they do so in float64, where rounding goes away and another order does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from samefit.checks.execution import Execution, in_float64
from samefit.checks.pair import Pair
from samefit.checks.workshop import Workshop
from samefit.comparison.batches import BatchArrays, Find, batch_gaps, in_order, other_batches
from samefit.comparison.pairing import Pairing
from samefit.comparison.parity import Batches, BatchGap
from samefit.comparison.result import Comparison
from samefit.comparison.sequence import Steps
from samefit.errors import SamefitError
from samefit.store.inside import Look
from samefit.store.reader import Run
from samefit.types import Samples

_MOST = 256
"""So many steps are looked at, spread over all whose batches differ."""

_ORDERS = (Samples.REORDERED, Samples.BATCHED_OTHERWISE)
"""What is known of samples without a look at their values."""


def measure_batches(pair: Pair, comparison: Comparison, workshop: Workshop) -> Batches | None:
    """Looks at the batches that two sides on two backends, each in a process of its own, have otherwise.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where the re-runs are made.

    Returns:
        What was found; None where no batch differs, or it is known that they come in another order.
    """
    divergence = comparison.first_divergence
    two_backends = comparison.baseline.backend != comparison.candidate.backend
    if divergence is None or divergence.samples in _ORDERS or pair.same_process or not two_backends:
        return None
    pairing = Pairing(pair.a.run, pair.b.run, pair.a.selected(), pair.b.selected())
    positions = list(other_batches(pairing))
    if not positions:
        return None
    found = Batches(len(positions), positions[0] + 1)
    workshop.say("looking at the batches that differ, and in float64")
    asked = _spread(positions)
    try:
        gaps = _Measurement(pair, pairing, asked).gaps(workshop)
        return replace(found, gaps=gaps, missing=len(asked) - len(gaps))
    except SamefitError as error:  # a script may not run again; then nothing is known of its batches
        return replace(found, failed=f"a re-run failed: {str(error).splitlines()[0]}")


class _Measurement:
    """The re-runs of one measurement."""

    def __init__(self, pair: Pair, pairing: Pairing, positions: Sequence[int]) -> None:
        self._pair, self._positions = pair, positions
        self._steps = pairing.steps_a, pairing.steps_b

    def gaps(self, workshop: Workshop) -> tuple[BatchGap, ...]:
        """Makes the re-runs, two at once; those that are not needed to decide are not made."""
        executions = self._pair.execution_a, self._pair.execution_b
        sides = self._batches(workshop, executions, "batches")
        found = batch_gaps(self._positions, sides)
        if all(gap.verdict in ("bits", "rounding") for gap in found):
            return found
        wide = None
        parts = self._pair.a, self._pair.b
        try:
            both = [in_float64(execution, part.side) for execution, part in zip(executions, parts, strict=True)]
            wide = self._batches(workshop, (both[0], both[1]), "batches-float64")
        except SamefitError as error:  # a script may not be able to run in float64
            workshop.say(f"no batches in float64: {str(error).splitlines()[0]}")
        found = batch_gaps(self._positions, sides, wide)
        if all(gap.verdict != "undecided" for gap in found):
            return found
        plan = [{"do": "perturb", "training": number} for number in self._steps[0].numbers[:1]]
        try:
            moved = workshop.begin(self._keeping(executions[0].with_transplants(plan), 0), "batches-moved").run()
        except SamefitError as error:  # a script may check its own result, and not get it from other weights
            workshop.say(f"no batches from moved weights: {str(error).splitlines()[0]}")
            return found
        return batch_gaps(self._positions, sides, wide, _finder(moved, self._steps[0]))

    def _batches(self, workshop: Workshop, executions: tuple[Execution, Execution], name: str) -> tuple[Find, Find]:
        begun = [
            workshop.begin(self._keeping(execution, side), f"{name}-{'ab'[side]}")
            for side, execution in enumerate(executions)
        ]
        runs = [one.run() for one in begun]
        return _finder(runs[0], self._steps[0]), _finder(runs[1], self._steps[1])

    def _keeping(self, execution: Execution, side: int) -> Execution:
        indices = [self._steps[side].indices[position] for position in self._positions]
        looks = [asdict(Look(index, batch_only=True)) for index in indices]
        return replace(execution, options={**execution.options, "looks": looks, "stop_after": max(indices) + 1})


def _finder(run: Run, steps: Steps) -> Callable[[int], BatchArrays | None]:
    def find(position: int) -> BatchArrays | None:
        arrays = run.arrays(f"inside-{steps.indices[position]}")
        return None if arrays is None else in_order(arrays)

    return find


def _spread(positions: Sequence[int]) -> list[int]:
    """Returns the first of some positions, the last, and as many between them as are looked at."""
    if len(positions) <= _MOST:
        return list(positions)
    return [positions[i * (len(positions) - 1) // (_MOST - 1)] for i in range(_MOST)]
