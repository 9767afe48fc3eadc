"""Batches that a compiled step pulls by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from samefit.record.batches import BatchDigest
from samefit.record.guard import Guard
from samefit.record.watched import WatchedBatches


class Dataset:
    """A dataset of three batches; iterated, it hands them on and shows each to an observer."""

    def __init__(self, observe: Callable[[list[Any]], None] = lambda leaves: None) -> None:
        self.observe = observe

    def __iter__(self) -> Pulled:
        return Pulled(self)


class Pulled(Iterator[Any]):
    def __init__(self, source: Dataset) -> None:
        self.source = source
        self.batches = iter([np.arange(4) + i for i in range(3)])

    def __next__(self) -> Any:
        batch = next(self.batches)
        self.source.observe([batch])
        return batch


class Backend:
    """Counts how often a dataset is made."""

    made = 0

    def watch_batches(self, dataset: Dataset, observe: Callable[[list[Any]], None]) -> Dataset:
        self.made += 1
        return Dataset(observe)

    def batch_source(self, iterator: Pulled) -> Dataset:
        return iterator.source

    def to_numpy(self, value: Any) -> Any:
        return np.asarray(value)


def watching() -> tuple[WatchedBatches, Backend]:
    backend: Any = Backend()
    return WatchedBatches(backend, Guard(), keep=False, num_with_rows=4), backend


def epoch(watched: WatchedBatches, dataset: Dataset) -> list[Any]:
    """An epoch as Keras runs it: an iterator more is begun at its end, and not used."""
    iterator = iter(watched.watch(dataset))
    seen = []
    for _ in iterator:
        queue = watched.seen(iterator)
        assert queue is not None
        seen.append(queue.popleft())
        assert not queue
    iter(watched.watch(dataset))
    return seen


def test_each_epoch_sees_its_own_batches_and_little_is_made() -> None:
    watched, backend = watching()
    dataset = Dataset()
    epochs = [epoch(watched, dataset) for _ in range(4)]
    assert [len(seen) for seen in epochs] == [3] * 4
    assert len({tuple(batch.digest for batch in seen) for seen in epochs}) == 1
    assert all(isinstance(batch, BatchDigest) for seen in epochs for batch in seen)
    assert backend.made == 2


def test_the_sum_over_the_samples_is_made_of_the_first_batches_of_a_training() -> None:
    watched, _ = watching()
    dataset = Dataset()
    with_rows = [batch.rows is not None for _ in range(3) for batch in epoch(watched, dataset)]
    assert with_rows == [True] * 4 + [False] * 5
    watched.forget()
    assert all(batch.rows is not None for batch in epoch(watched, dataset))


def test_what_an_abandoned_iterator_delivered_is_no_batch_of_the_next() -> None:
    watched, _ = watching()
    dataset = Dataset()
    abandoned = iter(watched.watch(dataset))
    next(abandoned)
    assert len(epoch(watched, dataset)) == 3
    assert len(epoch(watched, dataset)) == 3


def test_another_dataset_is_watched_by_itself() -> None:
    watched, backend = watching()
    first, second = Dataset(), Dataset()
    running = iter(watched.watch(first))
    next(running)
    assert len(epoch(watched, second)) == 3
    next(running)
    queue = watched.seen(running)
    assert queue is not None
    assert len(queue) == 2
    assert backend.made == 3
