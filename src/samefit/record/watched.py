"""Batches that a compiled step pulls by itself, as they are seen on their way to it."""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from samefit.backends.base import Array, Backend, Delivered
from samefit.by_object import ByObject
from samefit.record import batches
from samefit.record.guard import Guard


@dataclass
class _Watched:
    """A dataset such that its batches are seen.

    Attributes:
        shown: That of which iterators are made.
        pulls_ahead: See `Backend.pulls_ahead`.
        num_since: How many batches were seen since `shown` was handed out last.
        iterator: That which a step pulled from since then; None if there was no step.
        queue: Digests of the batches, but for those that were taken.
    """

    shown: Any = None
    pulls_ahead: bool = False
    num_since: int = 0
    iterator: weakref.ref[Any] | None = None
    queue: deque[batches.BatchDigest | str] = field(default_factory=deque)

    def is_at_rest(self) -> bool:
        """Whether no iterator delivers anything any more but one that is made from now on.

        Of what is handed out one iterator is made. Either nobody pulled from it, or it is that of the steps, and gone.
        """
        if self.queue or self.pulls_ahead:
            return False
        return not self.num_since or (self.iterator is not None and self.iterator() is None)

    def hand_out(self) -> Any:
        """Returns the dataset of which another iterator is made now."""
        self.num_since, self.iterator = 0, None
        return self.shown


@dataclass
class _Seen:
    """What the epochs of a `fit` run over.

    Attributes:
        source: The dataset as Keras has it.
        number: How many batches of it were seen.
        shown: It as it is seen; the oldest is forgotten if none is at rest for long.
    """

    source: Any
    number: int = 0
    shown: deque[_Watched] = field(default_factory=lambda: deque(maxlen=2))


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
        self._by_epochs: ByObject[_Seen] = ByObject()
        self._by_shown: ByObject[_Watched] = ByObject()
        self._last: dict[int, Delivered] = {}

    def watch(self, dataset: Any, epochs: Any) -> Any:
        """Returns `dataset` such that its batches are seen.

        Keras asks for it at the begin of each epoch, and at its end once more, for an iterator that it does not use
        (keras/src/trainers/epoch_iterator.py, `_enumerate_iterator`, 3.15.1). To make one takes ten milliseconds and
        more: two take turns, for the iterator of the last epoch is there when the next one is made.

        Args:
            dataset: The dataset.
            epochs: Keras's iterator over the epochs of one `fit`. Another `fit`, within this one, may train on the same
                dataset.
        """
        seen = self._by_epochs.get(epochs)
        if seen is None or seen.source is not dataset:
            seen = _Seen(dataset)
            self._by_epochs.add(epochs, seen)
        watched = next((one for one in seen.shown if one.is_at_rest()), None)
        if watched is None:
            watched = self._shown(seen)
            seen.shown.append(watched)
        return watched.hand_out()

    def _shown(self, seen: _Seen) -> _Watched:
        watched = _Watched(pulls_ahead=self._guard(lambda: self._backend.pulls_ahead(seen.source), True))

        def observe(leaves: list[tuple[str, Array]]) -> None:
            # Digests are made here: the arrays share the memory of the tensors that go to training.
            with_rows = seen.number < self._num_with_rows
            seen.number += 1
            watched.num_since += 1
            self._guard(lambda: watched.queue.append(self._digest(leaves, with_rows)), None)
            if self._keep:
                self._last = {id(watched.queue): Delivered([array.copy() for _, array in leaves], seen.source)}

        watched.shown = self._guard(lambda: self._backend.watch_batches(seen.source, observe), seen.source)
        self._by_shown.add(watched.shown, watched)
        return watched

    def seen(self, iterator: Any) -> deque[batches.BatchDigest | str] | None:
        """Returns the batches that the `iterator` of a step delivered and nobody took; None if it is not known."""
        watched = self._by_shown.get(self._backend.batch_source(iterator))
        if watched is None:
            return None
        if watched.iterator is None:
            watched.iterator = weakref.ref(iterator)
        return watched.queue

    def last(self, queue: deque[batches.BatchDigest | str]) -> Delivered | None:
        """Returns the last batch behind a queue, where batches are kept."""
        return self._last.get(id(queue))

    def _digest(self, leaves: list[tuple[str, Array]], with_rows: bool) -> batches.BatchDigest | str:
        return batches.digest_batch(self._backend, leaves, with_rows=with_rows)


def taken(queue: deque[batches.BatchDigest | str], trainer: Any) -> list[batches.BatchDigest | str | None]:
    """Takes the batches of one execution off a queue; [None] if there is none."""
    wanted = int(getattr(trainer, "steps_per_execution", 1) or 1)
    return [queue.popleft() for _ in range(min(wanted, len(queue)))] or [None]
