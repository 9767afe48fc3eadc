"""Which samples two sides trained on, whatever their order."""

from __future__ import annotations

from dataclasses import dataclass

from samefit.comparison.pairing import Steps
from samefit.store.records import TrainingRecord


@dataclass(frozen=True)
class EpochRows:
    """All samples of an epoch, as far as it was recorded.

    Attributes:
        total: Sum of the digests of the samples: the same samples in another order have the same.
        number: Number of samples.
        is_whole: Whether the epoch went to its end; of two that did not, other sums say nothing.
    """

    total: int
    number: int
    is_whole: bool

    def same_samples(self, other: EpochRows) -> bool:
        """Whether two epochs are of the same samples, in any order."""
        return (self.total, self.number) == (other.total, other.number)


def epoch_rows(steps: Steps, position: int) -> EpochRows | None:
    """Returns the samples of the epoch of a step; None if any is not known."""
    here = steps[position]
    first, last = position, position
    epoch = [here]
    while first > 0 and not steps.begins(first) and (step := steps[first - 1]).epoch == here.epoch:
        first -= 1
        epoch.append(step)
    while last + 1 < len(steps) and not steps.begins(last + 1) and (step := steps[last + 1]).epoch == here.epoch:
        last += 1
        epoch.append(step)
    if any(step.rows is None for step in epoch):
        return None
    total = sum(int.from_bytes(step.rows or b"", "little") for step in epoch) % 2**64
    another_follows = last + 1 < len(steps) and not steps.begins(last + 1)
    is_whole = another_follows or steps.run.training(here.training).status == "complete"
    return EpochRows(total, sum(step.num_rows or 0 for step in epoch), is_whole)


def data_rows(a: TrainingRecord, b: TrainingRecord) -> bool:
    """Whether the whole data of two trainings are the same samples, as far as `fit` got arrays."""
    one, other = (_rows_of(training) for training in (a, b))
    return one is not None and one == other


def _rows_of(training: TrainingRecord) -> object:
    described = [training.options, *(training.options.get(name) for name in ("x", "y"))]
    rows = tuple(item.get("rows") if isinstance(item, dict) else None for item in described)
    return rows if any(row is not None for row in rows) else None
