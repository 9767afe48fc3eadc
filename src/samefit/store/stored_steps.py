"""Reading the steps of a run: those that have a row, and those in between that were passed over."""

from __future__ import annotations

import heapq
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from samefit.store.records import PassedOver, StepRecord

Stretch = tuple[int, int, int]
"""Consecutive steps of one training: (training, index of the first, index after the last)."""

StepTexts = tuple[bytes | None, str, str, int]
"""(batch, logs, generators, step in the epoch), as stored."""

_STEP = (
    "SELECT step, training, epoch, step_in_epoch, batch, head, num_rows, indices, sample_sum, logs, record, chain"
    " FROM steps JOIN generators ON number = generators"
)
_TEXTS = (
    "SELECT step, training, batch, logs, record, step_in_epoch FROM steps JOIN generators ON number = generators"
    " WHERE step >= ? ORDER BY step"
)
_PASSED_OVER = "SELECT step, number, training, epoch, step_in_epoch, chain FROM passed_over"


class StoredSteps:
    """The tables `steps` and `passed_over` of a run.

    Args:
        rows: Returns all rows of a query.
        stream: Yields them without holding all of them.
    """

    def __init__(self, rows: Callable[..., list[Any]], stream: Callable[..., Iterator[Any]]) -> None:
        self._rows = rows
        self._stream = stream

    @cached_property
    def all(self) -> tuple[StepRecord, ...]:
        """All steps, in run order."""
        read = map(_step, self._rows(f"{_STEP} ORDER BY step"))
        between = (one.at(index) for one in self._passed_over(0) for index in one.indices)
        return tuple(heapq.merge(read, between, key=lambda step: step.index))

    def at(self, index: int) -> StepRecord | None:
        """Returns one step; None if there is none of that index."""
        rows = self._rows(f"{_STEP} WHERE step = ?", (index,))
        if rows:
            return _step(rows[0])
        between = self._around(index)
        return None if between is None else between.at(index)

    def _passed_over(self, begin: int) -> Iterator[PassedOver]:
        """Yields what was passed over from the step of index `begin` on."""
        for row in self._stream(f"{_PASSED_OVER} WHERE step + number > ? ORDER BY step", (begin,)):
            yield PassedOver(*row)

    def _around(self, index: int) -> PassedOver | None:
        """Returns what was passed over together with the step of index `index`; None if that was not."""
        rows = self._rows(f"{_PASSED_OVER} WHERE step <= ? ORDER BY step DESC LIMIT 1", (index,))
        found = PassedOver(*rows[0]) if rows else None
        return found if found is not None and index in found.indices else None

    def before(self, index: int) -> int | None:
        """Returns the index of the step before one in its training; None if that is the first."""
        step = self.at(index)
        if step is None:
            return None
        place = (step.training, index)
        ((read,),) = self._rows("SELECT MAX(step) FROM steps WHERE training = ? AND step < ?", place)
        query = "SELECT step + number FROM passed_over WHERE training = ? AND step < ? ORDER BY step DESC LIMIT 1"
        ends = [min(end, index) - 1 for (end,) in self._rows(query, place)]
        return max(ends if read is None else [read, *ends], default=None)

    def texts(self, begin: int) -> Iterator[tuple[int, StepTexts]]:
        """Yields (training, texts) of the steps from the index `begin` on, in run order."""
        read = ((row[0], row[1], row[2:]) for row in self._stream(_TEXTS, (begin,)))
        between = (
            (index, one.training, (None, "{}", "{}", one.step + index - one.index))
            for one in self._passed_over(begin)
            for index in one.indices
            if index >= begin
        )
        for _, training, texts in heapq.merge(read, between, key=lambda step: step[0]):
            yield training, texts

    def without(self, what: str) -> list[int]:
        """Returns the indices of the steps for which the condition `what` holds, and of those that were passed over."""
        rows = self._stream(f"SELECT step FROM steps WHERE {what} ORDER BY step")
        between = itertools.chain.from_iterable(one.indices for one in self._passed_over(0))
        return list(heapq.merge((step for (step,) in rows), between))

    def numbers(self) -> dict[int, int]:
        """Returns how many steps each training has."""
        found = dict(self._rows("SELECT training, COUNT(*) FROM steps GROUP BY training"))
        for training, number in self._rows("SELECT training, SUM(number) FROM passed_over GROUP BY training"):
            found[training] = found.get(training, 0) + number
        return found

    def chains(self, index: int) -> tuple[bytes, bytes]:
        """Returns `chain` and `whole` (see the schema) of one step, without reading anything else."""
        rows = self._rows("SELECT chain, whole FROM steps WHERE step = ?", (index,))
        if not rows:
            query = "SELECT chain, whole FROM passed_over WHERE step <= ?1 AND step + number > ?1 ORDER BY step DESC"
            rows = self._rows(f"{query} LIMIT 1", (index,))
        return (bytes(rows[0][0] or b""), bytes(rows[0][1] or b"")) if rows else (b"", b"")

    def last(self) -> int:
        """Returns the index of the last step so far, -1 if there is none; cheap, and read anew each time."""
        # What is passed over is written together with the step that follows it.
        ((last,),) = self._rows("SELECT MAX(step) FROM steps")
        return -1 if last is None else int(last)

    def bounds(self, training: int) -> tuple[int, int] | None:
        """Returns the indices of the first and the last step of a training; None if it has none.

        Neither is ever among those that were passed over.
        """
        # Two questions: SQLite answers each from the end of an index, but both at once by reading all of it.
        ((first,),) = self._rows("SELECT MIN(step) FROM steps WHERE training = ?", (training,))
        ((last,),) = self._rows("SELECT MAX(step) FROM steps WHERE training = ?", (training,))
        return None if first is None else (int(first), int(last))

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Stretches of consecutive steps of one training each, in run order."""
        found = []
        number = -1
        while rows := self._rows("SELECT MIN(training) FROM steps WHERE training > ?", (number,)):
            if rows[0][0] is None:
                break
            number = int(rows[0][0])
            bounds = self.bounds(number)
            assert bounds is not None
            found.append((number, bounds[0], bounds[1] + 1))
        found.sort(key=lambda stretch: stretch[1])
        if all(one[2] <= other[1] for one, other in itertools.pairwise(found)):
            return tuple(found)
        # Trainings that take turns (a GAN's two).
        mixed: list[Stretch] = []
        read = "SELECT step, 1, training FROM steps"
        for step, count, training in self._rows(
            f"{read} UNION ALL SELECT step, number, training FROM passed_over ORDER BY step"
        ):
            if mixed and mixed[-1][0] == training and mixed[-1][2] == step:
                mixed[-1] = (training, mixed[-1][1], step + count)
            else:
                mixed.append((training, step, step + count))
        return tuple(mixed)


def _step(row: Sequence[Any]) -> StepRecord:
    step, training, epoch, in_epoch, batch, head, num_rows, indices, rows, logs, generators, chain = row
    pairs = json.loads(generators)
    return StepRecord(
        index=step,
        training=training,
        epoch=epoch,
        step=in_epoch,
        batch=batch,
        head=head,
        rows=rows,
        num_rows=num_rows,
        indices=indices,
        logs=json.loads(logs),
        generators=_digests(pairs, 0),
        generators_after=_digests(pairs, 1),
        chain=chain,
    )


def _digests(pairs: Mapping[str, Sequence[str | None]], position: int) -> dict[str, bytes]:
    return {name: bytes.fromhex(text) for name, pair in pairs.items() if (text := pair[position]) is not None}
