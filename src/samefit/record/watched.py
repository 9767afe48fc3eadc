"""Batches that a compiled step pulls by itself, as they are seen on their way to it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from samefit.backends.base import Array, Backend, Delivered
from samefit.by_object import ByObject
from samefit.record import batches
from samefit.record.guard import Guard


@dataclass
class _Watched:
    """A dataset whose batches are seen.

    Attributes:
        source: The dataset as Keras has it.
        shown: That of which iterators are made.
        num_batches: How many batches an iterator delivers, where that is known.
        num_seen: How many batches were seen so far.
        num_since: How many since an iterator was made last.
        queue: Their digests, but for those that were taken.
    """

    source: Any
    shown: Any = None
    num_batches: int | None = None
    num_seen: int = 0
    num_since: int = 0
    queue: deque[batches.BatchDigest | str] = field(default_factory=deque)

    def is_at_rest(self) -> bool:
        """Whether no iterator can deliver anything any more but one that is made from now on."""
        known = self.num_batches is not None
        return known and not self.queue and self.num_since in (0, self.num_batches)


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
        self._by_epochs: ByObject[_Watched] = ByObject()
        self._queues: ByObject[deque[batches.BatchDigest | str]] = ByObject()
        self._last: dict[int, Delivered] = {}

    def watch(self, dataset: Any, epochs: Any) -> Any:
        """Returns `dataset` such that its batches are seen.

        Keras asks for it at the begin of each epoch, and at its end once more, for an iterator that it does not use
        (keras/src/trainers/epoch_iterator.py, `_enumerate_iterator`, 3.15.1). To make one takes ten milliseconds: it is
        handed out again where its iterators have come to their end, or were never pulled.

        Args:
            dataset: The dataset.
            epochs: Keras's iterator over the epochs of one `fit`. Another `fit`, within this one, may train on the same
                dataset.
        """
        known = self._by_epochs.get(epochs)
        if known is not None and known.source is dataset and known.is_at_rest():
            known.num_since = 0
            return known.shown
        watched = _Watched(dataset)

        def observe(leaves: list[tuple[str, Array]]) -> None:
            # Digests are made here: the arrays share the memory of the tensors that go to training.
            with_rows = watched.num_seen < self._num_with_rows
            watched.num_seen += 1
            watched.num_since += 1
            self._guard(lambda: watched.queue.append(self._digest(leaves, with_rows)), None)
            if self._keep:
                self._last = {id(watched.queue): Delivered([array.copy() for _, array in leaves], dataset)}

        watched.shown = self._guard(lambda: self._backend.watch_batches(dataset, observe), dataset)
        watched.num_batches = self._guard(lambda: self._backend.num_batches(dataset), None)
        self._queues.add(watched.shown, watched.queue)
        self._by_epochs.add(epochs, watched)
        return watched.shown

    def seen(self, iterator: Any) -> deque[batches.BatchDigest | str] | None:
        """Returns the batches that `iterator` delivered and nobody took; None if it is not known."""
        return self._queues.get(self._backend.batch_source(iterator))

    def last(self, queue: deque[batches.BatchDigest | str]) -> Delivered | None:
        """Returns the last batch behind a queue, where batches are kept."""
        return self._last.get(id(queue))

    def _digest(self, leaves: list[tuple[str, Array]], with_rows: bool) -> batches.BatchDigest | str:
        return batches.digest_batch(self._backend, leaves, with_rows=with_rows)


def taken(queue: deque[batches.BatchDigest | str], trainer: Any) -> list[batches.BatchDigest | str | None]:
    """Takes the batches of one execution off a queue; [None] if there is none."""
    wanted = int(getattr(trainer, "steps_per_execution", 1) or 1)
    return [queue.popleft() for _ in range(min(wanted, len(queue)))] or [None]
