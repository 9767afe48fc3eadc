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

    def __init__(self, observe: Callable[[list[tuple[str, Any]]], None] = lambda leaves: None) -> None:
        self.observe = observe

    def __iter__(self) -> Pulled:
        return Pulled(self)


class Pulled(Iterator[Any]):
    def __init__(self, source: Dataset) -> None:
        self.source = source
        self.batches = iter([np.arange(4) + i for i in range(3)])

    def __next__(self) -> Any:
        batch = next(self.batches)
        self.source.observe([("batch/0", batch)])
        return batch


class Backend:
    """Counts how often a dataset is made."""

    made = 0
    ahead = False

    def watch_batches(self, dataset: Dataset, observe: Callable[[list[tuple[str, Any]]], None]) -> Dataset:
        self.made += 1
        return Dataset(observe)

    def pulls_ahead(self, dataset: Dataset) -> bool:
        return self.ahead

    def batch_source(self, iterator: Pulled) -> Dataset:
        return iterator.source

    def to_numpy(self, value: Any) -> Any:
        return np.asarray(value)


class Epochs:
    """What Keras runs the epochs of one `fit` with."""

    held: Pulled


def watching(*, keep: bool = False) -> tuple[WatchedBatches, Backend]:
    backend: Any = Backend()
    return WatchedBatches(backend, Guard(), keep=keep, num_with_rows=4), backend


def take(watched: WatchedBatches, iterator: Pulled) -> Any:
    """Runs a step."""
    next(iterator)
    deliveries = watched.seen(iterator)
    assert deliveries is not None
    [batch] = deliveries.take(None)
    return batch


def epoch(watched: WatchedBatches, dataset: Dataset, epochs: Epochs) -> list[Any]:
    """An epoch as Keras runs it: an iterator more is begun at its end, and that of the steps is there till the next."""
    iterator = iter(watched.watch(dataset, epochs))
    seen = [take(watched, iterator) for _ in range(3)]
    epochs.held = iterator
    iter(watched.watch(dataset, epochs))
    return seen


def test_each_epoch_sees_its_own_batches_and_little_is_made() -> None:
    watched, backend = watching()
    dataset, fit = Dataset(), Epochs()
    epochs = [epoch(watched, dataset, fit) for _ in range(4)]
    assert len({tuple(batch.digest for batch in seen) for seen in epochs}) == 1
    assert all(isinstance(batch, BatchDigest) for seen in epochs for batch in seen)
    assert backend.made == 2


def test_the_sum_over_the_samples_is_made_of_the_first_batches_of_a_training() -> None:
    watched, _ = watching()
    dataset, fit = Dataset(), Epochs()
    with_rows = [batch.rows is not None for _ in range(3) for batch in epoch(watched, dataset, fit)]
    assert with_rows == [True] * 4 + [False] * 5
    assert all(batch.rows is not None for batch in epoch(watched, dataset, Epochs()))


def test_what_an_abandoned_iterator_delivers_later_is_no_batch_of_the_next() -> None:
    watched, backend = watching()
    dataset, fit = Dataset(), Epochs()
    abandoned = iter(watched.watch(dataset, fit))
    take(watched, abandoned)
    running = iter(watched.watch(dataset, fit))
    next(abandoned)
    assert take(watched, running).digest == take(watched, iter(watched.watch(dataset, Epochs()))).digest
    assert backend.made == 3


def test_what_nobody_took_is_no_batch_of_the_next_epoch() -> None:
    watched, _ = watching()
    dataset, fit = Dataset(), Epochs()
    for _ in iter(watched.watch(dataset, fit)):
        """A train function that pulls batches which no step takes."""
    assert len(epoch(watched, dataset, fit)) == 3


def test_a_training_within_another_one_on_the_same_dataset_has_its_own_batches() -> None:
    watched, backend = watching()
    dataset, outer = Dataset(), Epochs()
    first = epoch(watched, dataset, outer)
    running = iter(watched.watch(dataset, outer))
    seen = [take(watched, running)]
    assert [b.digest for b in epoch(watched, dataset, Epochs())] == [b.digest for b in first]
    seen += [take(watched, running) for _ in range(2)]
    assert [b.digest for b in seen] == [b.digest for b in first]
    assert backend.made == 4


def test_an_iterator_that_lives_keeps_what_it_runs_over_to_itself() -> None:
    watched, _ = watching()
    dataset, fit = Dataset(), Epochs()
    unused = [watched.watch(dataset, fit) for _ in range(3)]
    assert len({id(shown) for shown in unused}) == 1
    living: list[Pulled] = []
    for _ in range(4):
        living.append(iter(watched.watch(dataset, fit)))
        take(watched, living[-1])
    assert len({id(iterator.source) for iterator in living}) == 4
    assert len({take(watched, iterator).digest for iterator in living}) == 1


def test_where_batches_are_pulled_ahead_each_iterator_has_its_own() -> None:
    watched, backend = watching()
    backend.ahead = True
    dataset, fit = Dataset(), Epochs()
    assert len(epoch(watched, dataset, fit)) == 3
    assert backend.made == 2
    assert len(epoch(watched, dataset, fit)) == 3
    assert backend.made == 4


def test_another_dataset_of_the_same_training_is_watched_by_itself() -> None:
    watched, backend = watching()
    fit = Epochs()
    assert len(epoch(watched, Dataset(), fit)) == 3
    assert len(epoch(watched, Dataset(), fit)) == 3
    assert backend.made == 4


def test_the_batch_that_is_kept_is_that_of_the_step_though_others_were_pulled_since() -> None:
    watched, backend = watching(keep=True)
    backend.ahead = True
    iterator = iter(watched.watch(Dataset(), Epochs()))
    assert [list(batch) for batch in iterator] == [[0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5]]
    deliveries = watched.seen(iterator)
    assert deliveries is not None
    for step in range(3):
        deliveries.take(None)
        assert deliveries.last is not None
        assert [list(leaf) for leaf in deliveries.last.leaves] == [[step, step + 1, step + 2, step + 3]]
    assert not deliveries
    assert deliveries.take(None) == [None]
    assert deliveries.last is None
