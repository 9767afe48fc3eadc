"""Batches that a compiled step pulls by itself, as they are seen on their way to it."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from samefit.backends.base import Array, Backend, Delivered
from samefit.by_object import ByObject
from samefit.record import batches
from samefit.record.guard import Guard


class WatchedBatches:
    """Digests of delivered batches, a queue for each dataset, in the order of delivery.

    Args:
        backend: The adapter of Keras's backend.
        guard: Keeps a failure of ours from the training.
        keep: Whether the last batch of each dataset is kept as it is.
        num_with_rows: Of how many batches of a dataset the sum over the samples is made.
    """

    def __init__(self, backend: Backend, guard: Guard, *, keep: bool, num_with_rows: float) -> None:
        self._backend = backend
        self._guard = guard
        self._keep = keep
        self._num_with_rows = num_with_rows
        self._queues: ByObject[deque[batches.BatchDigest | str]] = ByObject()
        self._last: dict[int, Delivered] = {}

    def watch(self, dataset: Any) -> Any:
        """Returns `dataset` such that its batches are seen."""
        queue: deque[batches.BatchDigest | str] = deque()
        numbers = itertools.count()

        def observe(leaves: list[Array]) -> None:
            # Digests are made here: the arrays share the memory of the tensors that go to training.
            with_rows = next(numbers) < self._num_with_rows
            self._guard(lambda: queue.append(self._digest(leaves, with_rows)), None)
            if self._keep:
                self._last = {id(queue): Delivered([array.copy() for array in leaves], dataset)}

        mapped = self._guard(lambda: self._backend.watch_batches(dataset, observe), dataset)
        self._queues.add(mapped, queue)
        return mapped

    def seen(self, iterator: Any) -> deque[batches.BatchDigest | str] | None:
        """Returns the batches that `iterator` delivered and nobody took; None if it is not known."""
        return self._queues.get(self._backend.batch_source(iterator))

    def last(self, queue: deque[batches.BatchDigest | str]) -> Delivered | None:
        """Returns the last batch behind a queue, where batches are kept."""
        return self._last.get(id(queue))

    def _digest(self, leaves: list[Array], with_rows: bool) -> batches.BatchDigest | str:
        named = [(f"batch/{i}", array) for i, array in enumerate(leaves)]
        return batches.digest_batch(self._backend, named, with_rows=with_rows)


def taken(queue: deque[batches.BatchDigest | str], trainer: Any) -> list[batches.BatchDigest | str | None]:
    """Takes the batches of one execution off a queue; [None] if there is none."""
    wanted = int(getattr(trainer, "steps_per_execution", 1) or 1)
    return [queue.popleft() for _ in range(min(wanted, len(queue)))] or [None]
