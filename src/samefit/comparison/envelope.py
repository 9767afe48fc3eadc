"""How the gap between two whole trainings grows, and which of their steps are worth judging."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from samefit.comparison.pairing import Pairing
from samefit.comparison.parity import Sample
from samefit.comparison.quantities import gap, losses, weight_gaps

_NOISE = 2.0**-22
"""The mean that `fit` logs is a float32: the loss of one batch is known from two of them to so much of the mean, times
the number of batches behind it."""


def judged_steps(pairing: Pairing, first: int) -> list[tuple[int, str]]:
    """Returns the 1-based steps to judge, in order, and why each was chosen.

    The first that differs, the one in which the gap of the loss grows fastest, the one before it, whose update is what
    it grows from, and the last.

    Args:
        pairing: The two sides.
        first: 1-based step at which they part.
    """
    chosen = {first: "first"}
    fastest, rate, largest = 0, 1.0, 0.0
    for position, distance, noise in _batch_gaps(pairing):
        if position + 1 > first and distance > noise:
            growth = distance / max(largest, noise)
            if growth > rate:
                fastest, rate = position + 1, growth
        largest = max(largest, distance)
    if fastest:
        for step, why in ((fastest - 1, "before growth"), (fastest, "growth")):
            chosen.setdefault(step, why)
    chosen.setdefault(len(pairing), "last")
    return sorted(chosen.items())


def _batch_gaps(pairing: Pairing) -> Iterator[tuple[int, float, float]]:
    """Yields (position, gap of the loss of that batch alone, how well that is known)."""
    before: tuple[float, float] | None = None
    for position, one, other in losses(pairing):
        step = pairing.steps_a[position].step
        training, _ = pairing.trainings_at(position)
        mine, theirs, number = one, other, 1
        if training.kind == "fit" and step and before is not None:
            # Keras logs the mean over the epoch so far.
            number = step + 1
            mine, theirs = (mean * number - last * step for mean, last in zip((one, other), before, strict=True))
        before = one, other
        distance = gap(mine, theirs)
        if math.isfinite(distance):
            yield position, distance, _NOISE * number * max(abs(one), abs(other))


def sampled_steps(steps: int, affordable: int) -> list[int]:
    """Returns the 1-based steps after which weights are compared: powers of two and the last, at most `affordable`."""
    powers = [1 << k for k in range(steps.bit_length())]
    found = sorted({*(step for step in powers if step <= steps), steps})
    while len(found) > max(2, affordable):
        # The first and the last stay.
        found = [*found[:1], *found[2:-1:2], found[-1]]
    return found


def envelope(pairing: Pairing, moved: Pairing | None, steps: Sequence[int]) -> tuple[Sample, ...]:
    """Returns how far two trainings are apart after some of their steps.

    Args:
        pairing: The two sides, whose runs keep their states after these steps.
        moved: The baseline, and itself from first weights one unit in the last place off; None if that is not known.
        steps: 1-based steps, in order.
    """
    here, there = _largest_losses(pairing, steps), _largest_losses(moved, steps) if moved is not None else {}
    samples = []
    for step in steps:
        weights = weight_gaps(pairing, step - 1) or {}
        floors = weight_gaps(moved, step - 1) if moved is not None and step <= len(moved) else None
        samples.append(Sample(step, here.get(step), weights, there.get(step), max(floors.values()) if floors else None))
    return tuple(samples)


def _largest_losses(pairing: Pairing, steps: Sequence[int]) -> dict[int, float]:
    found: dict[int, float] = {}
    for position, one, other in losses(pairing):
        place = int(np.searchsorted(steps, position + 1))
        if place < len(steps):
            found[steps[place]] = max(found.get(steps[place], 0.0), gap(one, other))
    return found
