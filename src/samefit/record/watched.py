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


class Deliveries:
    """The batches of a dataset that were delivered, but for those that steps have taken.

    Attributes:
        last: The batch that was taken last, as it is, where batches are kept.
    """

    def __init__(self) -> None:
        # TensorFlow adds at one end in a thread of its own while a step takes off the other.
        self._waiting: deque[tuple[batches.BatchDigest | str, Delivered | None]] = deque()
        self.last: Delivered | None = None

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, digest: batches.BatchDigest | str, batch: Delivered | None) -> None:
        """Adds a batch that is delivered."""
        self._waiting.append((digest, batch))

    def take(self, trainer: Any) -> list[batches.BatchDigest | str | None]:
        """Takes the batches of one execution; [None] if there is none."""
        wanted = int(getattr(trainer, "steps_per_execution", 1) or 1)
        taken = [self._waiting.popleft() for _ in range(min(wanted, len(self._waiting)))]
        # A dataset that pulls ahead has delivered others since.
        self.last = taken[-1][1] if taken else None
        return [digest for digest, _ in taken] or [None]


@dataclass
class _Watched:
    """A dataset such that its batches are seen.

    Attributes:
        shown: That of which iterators are made.
        pulls_ahead: See `Backend.pulls_ahead`.
        num_since: How many batches were seen since `shown` was handed out last.
        iterator: That which a step pulled from since then; None if there was no step.
        deliveries: Its batches.
    """

    shown: Any = None
    pulls_ahead: bool = False
    num_since: int = 0
    iterator: weakref.ref[Any] | None = None
    deliveries: Deliveries = field(default_factory=Deliveries)

    def is_at_rest(self) -> bool:
        """Whether no iterator delivers anything any more but one that is made from now on.

        Of what is handed out one iterator is made. Either nobody pulled from it, or it is that of the steps, and gone.
        """
        if self.deliveries or self.pulls_ahead:
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
    """Delivered batches, for each dataset, in the order of delivery.

    Args:
        backend: The adapter of Keras's backend.
        guard: Keeps a failure of ours from the training.
        keep: Whether batches are kept as they are until the next one is taken.
        num_with_rows: Of how many batches of a dataset the sum over the samples is made.
    """

    def __init__(self, backend: Backend, guard: Guard, *, keep: bool, num_with_rows: float) -> None:
        self._backend = backend
        self._guard = guard
        self._keep = keep
        self._num_with_rows = num_with_rows
        self._by_epochs: ByObject[_Seen] = ByObject()
        self._by_shown: ByObject[_Watched] = ByObject()

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
            self._guard(lambda: watched.deliveries.add(self._digest(leaves, with_rows), self._kept(leaves, seen)), None)

        watched.shown = self._guard(lambda: self._backend.watch_batches(seen.source, observe), seen.source)
        self._by_shown.add(watched.shown, watched)
        return watched

    def seen(self, iterator: Any) -> Deliveries | None:
        """Returns the batches that the `iterator` of a step delivered and nobody took; None if it is not known."""
        watched = self._by_shown.get(self._backend.batch_source(iterator))
        if watched is None:
            return None
        if watched.iterator is None:
            watched.iterator = weakref.ref(iterator)
        return watched.deliveries

    def _kept(self, leaves: list[tuple[str, Array]], seen: _Seen) -> Delivered | None:
        return Delivered([array.copy() for _, array in leaves], seen.source) if self._keep else None

    def _digest(self, leaves: list[tuple[str, Array]], with_rows: bool) -> batches.BatchDigest | str:
        return batches.digest_batch(self._backend, leaves, with_rows=with_rows)
