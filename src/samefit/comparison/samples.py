"""Which samples two sides trained on, whatever their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from samefit.comparison.sequence import Steps
from samefit.store.records import TrainingRecord

_LEAVES_OUT = ("drop_remainder", "drop_last")
"""Arguments of a pipeline's stages that leave samples out of an epoch; which ones depends on their order."""


@dataclass(frozen=True)
class EpochRows:
    """All samples of an epoch, as far as it was recorded.

    Attributes:
        total: Sum of the digests of the samples: the same samples in another order have the same.
        number: Number of samples.
        is_cut: Whether it ended early, or leaves samples out by an option.
        is_whole: Whether these are all samples that there are, as far as is known; of two epochs that are parts of the
            data, other sums say nothing.
        repeats: Whether the next epoch, or the one before, is known to have the same samples.
    """

    total: int
    number: int
    is_cut: bool
    is_whole: bool
    repeats: bool

    def same_samples(self, other: EpochRows) -> bool:
        """Whether two epochs are of the same samples, in any order."""
        return (self.total, self.number) == (other.total, other.number)


def epoch_rows(steps: Steps, position: int, other: Steps) -> EpochRows | None:
    """Returns the samples of the epoch of a step; None if any is not known.

    A loop of the user's has no epochs: of it those steps are taken that are an epoch of the other side's `fit`.
    """
    training = steps.run.training(steps.training(position))
    if training.kind != "fit" and other.run.training(other.training(position)).kind == "fit":
        first, last = _epoch(other, position)
        in_one = last < len(steps) and not any(steps.begins(later) for later in range(first + 1, last + 1))
        found = _sum(steps, first, last) if in_one else None
        return None if found is None else EpochRows(*found, is_cut=False, is_whole=False, repeats=False)
    first, last = _epoch(steps, position)
    found = _sum(steps, first, last)
    if found is None:
        return None
    another_follows = last + 1 < len(steps) and not steps.begins(last + 1)
    ended = another_follows or training.status == "complete"
    is_cut = not ended or _leaves_out(training)
    neighbour = _neighbour(steps, first, last)
    # An epoch that was cut off has fewer samples.
    is_a_part = neighbour is not None and neighbour[1] == found[1] and neighbour[0] != found[0]
    return EpochRows(*found, is_cut, not is_cut and not is_a_part, neighbour == found)


def _epoch(steps: Steps, position: int) -> tuple[int, int]:
    """Returns the first and the last position of the epoch of a step."""
    epoch = steps[position].epoch
    first, last = position, position
    while first > 0 and not steps.begins(first) and steps[first - 1].epoch == epoch:
        first -= 1
    while last + 1 < len(steps) and not steps.begins(last + 1) and steps[last + 1].epoch == epoch:
        last += 1
    return first, last


def _sum(steps: Steps, first: int, last: int) -> tuple[int, int] | None:
    epoch = steps[first : last + 1]
    if any(step.rows is None for step in epoch):
        return None
    total = sum(int.from_bytes(step.rows or b"", "little") for step in epoch) % 2**64
    return total, sum(step.num_rows or 0 for step in epoch)


def _leaves_out(training: TrainingRecord) -> bool:
    """Whether `fit` or the stages of its pipeline make an epoch of a part of the data."""
    stages = training.options.get("pipeline") or ()
    arguments = [stage.get("arguments", {}) for stage in stages if isinstance(stage, Mapping)]
    return (
        training.options.get("steps_per_epoch") is not None
        or any(stage.get("function") == "repeat" for stage in stages if isinstance(stage, Mapping))
        or any(each.get(name) for each in arguments for name in _LEAVES_OUT)
    )


def _neighbour(steps: Steps, first: int, last: int) -> tuple[int, int] | None:
    """Returns the samples of the epoch after one, else of the one before; None where these are not known."""
    if last + 1 < len(steps) and not steps.begins(last + 1):
        return _sum(steps, *_epoch(steps, last + 1))
    return None if steps.begins(first) else _sum(steps, *_epoch(steps, first - 1))


def arrays_changed(steps: Steps, position: int) -> bool | None:
    """Whether the arrays that `fit` got hold other samples in the epoch of a step than in the first one.

    A callback may write into them.

    Returns:
        None where that may be, and the samples of the epoch are not all known.
    """
    training = steps.run.training(steps.training(position))
    first, last = _epoch(steps, position)
    if training.options.get("steps_per_epoch") is not None or steps.begins(first):
        return False
    begin = max(other for other in steps.indices.beginnings() if other <= first)
    one, now = _sum(steps, *_epoch(steps, begin)), _sum(steps, first, last)
    if one is not None and now is not None and one[1] == now[1]:
        return one[0] != now[0]
    if training.options.get("shuffle") is False:
        # The epoch was cut off, but its batches come as they did.
        before, step = steps[begin + position - first], steps[position]
        if before.rows is not None and step.rows is not None and before.num_rows == step.num_rows:
            return before.rows != step.rows
    return None if training.options.get("callbacks") else False


def same_data(a: TrainingRecord, b: TrainingRecord) -> bool | None:
    """Whether two trainings are of the same samples, in any order, as far as `fit` got arrays; None if not known."""
    one, other = (_rows_of(training) for training in (a, b))
    if one is None or other is None or (a.kind, b.kind) != ("fit", "fit"):
        return None
    if one != other or a.options.get("validation_split") != b.options.get("validation_split"):
        return False
    # Of the same arrays each side takes a share.
    return True if a.options.get("steps_per_epoch") == b.options.get("steps_per_epoch") else None


def same_arrays(a: TrainingRecord, b: TrainingRecord, seen: tuple[int, int]) -> bool:
    """Whether two trainings are known to have passed over the very same arrays.

    Args:
        a: The baseline's training.
        b: The candidate's.
        seen: How many samples each had in the epoch: all that there are, or it was ended early.
    """
    names = ("x", "y", "sample_weight")
    one, other = (
        [item.get("digest") if isinstance(item := training.options.get(name), dict) else None for name in names]
        for training in (a, b)
    )
    x = a.options.get("x")
    number = (x.get("shape") or [None])[0] if isinstance(x, dict) else None
    return one == other and one[0] is not None and seen == (number, number)


def _rows_of(training: TrainingRecord) -> object:
    described = [training.options, *(training.options.get(name) for name in ("x", "y"))]
    rows = tuple(item.get("rows") if isinstance(item, dict) else None for item in described)
    return rows if any(row is not None for row in rows) else None
