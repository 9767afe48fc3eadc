"""Where Keras decides in which order data goes to training: what pinning hooks into. Checked on Keras 3.12 to 3.15.1.

Every epoch iterator gets its data from an adapter; the order that samefit gives is bound to the adapter when the epoch
iterator is made. Iterators are never counted: Keras makes one more to look at a first batch, and one more at the end of
each epoch, and throws them away.

- Arrays on JAX: `ArrayDataAdapter._get_iterator` draws from `numpy.random`.
- Arrays on PyTorch: `ArrayDataAdapter.get_torch_dataloader` makes a sampler.
- Arrays on TensorFlow: `ArrayDataAdapter.get_tf_dataset` calls `tf.random.shuffle` once for a pass.
- `PyDataset`: `PyDatasetAdapter._finite_generator`, and `OrderedEnqueuer` with several workers.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from samefit import backends
from samefit.backends.base import Array, Backend
from samefit.errors import KerasChanged
from samefit.patches.patching import Patches

_CHECKED = "Keras 3.12 to 3.15.1"
_ORDER = "_samefit_order"


@dataclass(frozen=True)
class Source:
    """What the data of a training is.

    Attributes:
        kind: "array"; "batches" for a finite `PyDataset`; "tf.data", "DataLoader", "generator", "other" for what has
            an order of its own; "as-it-is" for what is not shuffled.
        name: What a user calls it.
        shuffle: Whether Keras would shuffle it.
        block: Samples change places within blocks of this size only (`shuffle="batch"`); None for all of them.
        shared: The user's `PyDataset` that several workers read at once, or None.
    """

    kind: str
    name: str
    shuffle: bool = False
    block: int | None = None
    shared: Any = None


Reading = Callable[[int], AbstractContextManager[None]]
"""Called with the number of a batch; the batch is read within. It can be pickled: workers may be processes."""


class PassOrder(Protocol):
    """The order of one training's data."""

    def begin_epoch(self, *, continues: bool) -> None:
        """An epoch begins; `continues` says whether it goes on with a pass that an earlier epoch began."""

    def begin_pass_of_next_epoch(self) -> None:
        """What is drawn from now on belongs to the next epoch."""

    def rows(self, number: int) -> Array:
        """Returns the numbers of the samples (or batches) in their order."""

    def reading(self, *, in_processes: bool) -> Reading:
        """Returns what surrounds the reading of the batches of a `PyDataset` in the pass that begins."""

    def watching(self, index: int) -> AbstractContextManager[None]:
        """One of several threads reads a batch of a `PyDataset` within."""


class DataObserver(Protocol):
    """What pinning does with what epoch iterators show."""

    def order_for(self, source: Source) -> PassOrder | None:
        """Returns the order of the data of a new epoch iterator, or None to leave it alone."""

    def reading_apart(self) -> Reading:
        """Returns what surrounds the reading of batches that have no order, in the processes of workers."""


def watch_data(patches: Patches, backend: str, observer: DataObserver) -> None:
    """Puts all hooks in place."""
    iterators = importlib.import_module("keras.src.trainers.epoch_iterator").EpochIterator
    arrays = importlib.import_module("keras.src.trainers.data_adapters.array_data_adapter").ArrayDataAdapter
    datasets = importlib.import_module("keras.src.trainers.data_adapters.py_dataset_adapter")

    def replace(owner: Any, name: str, make: Callable[..., Any]) -> None:
        patches.replace(owner, name, make, checked_on=_CHECKED)

    replace(iterators, "__init__", functools.partial(_made, observer))
    replace(iterators, "_enumerate_iterator", _enumerate)
    replace(arrays, "_get_iterator", _array_batches)
    replace(arrays, "get_torch_dataloader", _array_loader)
    replace(arrays, "get_tf_dataset", functools.partial(_array_dataset, backends.load(backend)))
    replace(datasets.PyDatasetAdapter, "_finite_generator", _dataset_batches)
    replace(datasets.OrderedEnqueuer, "get", _get)
    replace(datasets.OrderedEnqueuer, "stop", _stop)


def _made(observer: DataObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        adapter = self.data_adapter
        order = observer.order_for(_source(adapter))
        enqueuer = getattr(adapter, "enqueuer", None)
        if order is None:
            if enqueuer is not None and adapter.py_dataset.use_multiprocessing:
                enqueuer.py_dataset = KeyedBatches(adapter.py_dataset, observer.reading_apart())
        else:
            setattr(adapter, _ORDER, order)
            if enqueuer is not None:
                # The permutation is made by what is read, so that a pass can be taken up where it was left.
                workers = "processes" if adapter.py_dataset.use_multiprocessing else "threads"
                enqueuer.py_dataset = OrderedBatches(adapter.py_dataset, order, workers=workers)
                enqueuer.shuffle = False

    return __init__


def _source(adapter: Any) -> Source:
    kind = type(adapter).__name__
    if kind == "ArrayDataAdapter":
        shuffle = _read(adapter, "_shuffle")
        block = _read(adapter, "_batch_size") if shuffle == "batch" else None
        return Source("array", "An array", True, block) if shuffle else Source("as-it-is", "An array")
    if kind == "PyDatasetAdapter":
        dataset = adapter.py_dataset
        name = f"The PyDataset {type(dataset).__name__}"
        shared = dataset if dataset.workers > 1 else None
        if dataset.num_batches is None:
            return Source("other", f"{name}, which is infinite,", shared=shared)
        return Source("batches", name, bool(adapter.shuffle), shared=shared)
    if kind == "TFDatasetAdapter":
        return Source("tf.data", "A tf.data.Dataset")
    if kind == "TorchDataLoaderAdapter":
        loader = _read(adapter, "_dataloader")
        return Source("as-it-is" if _in_order(loader) else "DataLoader", "A torch DataLoader")
    name = "A Python generator" if kind == "GeneratorDataAdapter" else f"The data behind {kind}"
    return Source("other", name)


def _in_order(loader: Any) -> bool:
    """Whether a torch DataLoader gives its samples as they stand.

    One that was given a `batch_sampler` has a `SequentialSampler` all the same, and does not ask it.
    """
    batches = getattr(loader, "batch_sampler", None)
    asked = loader if batches is None else batches
    plain = batches is None or type(batches).__name__ == "BatchSampler"
    return plain and type(getattr(asked, "sampler", None)).__name__ == "SequentialSampler"


def _read(thing: Any, name: str) -> Any:
    try:
        return getattr(thing, name)
    except AttributeError:
        raise KerasChanged(
            f"{type(thing).__name__}.{name} is not there any more (checked on {_CHECKED}): "
            "this version is newer than samefit knows; upgrade samefit or install a checked version."
        ) from None


def _order(adapter: Any) -> PassOrder | None:
    order: PassOrder | None = getattr(adapter, _ORDER, None)
    return order


def _enumerate(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _enumerate_iterator(self: Any) -> Iterator[Any]:
        order = _order(self.data_adapter)
        if order is None:
            yield from original(self)
            return
        steps = original(self)
        begun = _read(self, "_current_iterator") is not None and _read(self, "_steps_seen") > 0
        continues = bool(begun and self.steps_per_epoch)
        order.begin_epoch(continues=continues)
        enqueuer = getattr(self.data_adapter, "enqueuer", None)
        if enqueuer is not None:
            enqueuer.py_dataset.begin(continues=continues)
        for step in steps:
            yield step
            # Past the last step Keras makes the iterator of the next pass.
            order.begin_pass_of_next_epoch()

    return _enumerate_iterator


def _array_batches(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _get_iterator(self: Any, slice_and_convert_fn: Callable[..., Any], inputs: Any) -> Iterator[Any]:
        order = _order(self)
        if order is None:
            yield from original(self, slice_and_convert_fn, inputs)
            return
        map_structure = importlib.import_module("keras.src.tree").map_structure
        for indices in _batches(self, order):
            take = functools.partial(slice_and_convert_fn, indices=indices)
            yield map_structure(take, inputs, none_is_leaf=False)

    return _get_iterator


def _batches(adapter: Any, order: PassOrder) -> Iterator[Array]:
    rows, size = order.rows(_read(adapter, "_num_samples")), _read(adapter, "_batch_size")
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


class _BatchSampler:
    """What a torch DataLoader takes the numbers of its samples from."""

    def __init__(self, adapter: Any, order: PassOrder) -> None:
        self._adapter = adapter
        self._order = order

    def __iter__(self) -> Iterator[list[int]]:
        for indices in _batches(self._adapter, self._order):
            yield indices.tolist()

    def __len__(self) -> int:
        return int(self._adapter.num_batches)


def _array_loader(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def get_torch_dataloader(self: Any) -> Any:
        loader = original(self)
        order = _order(self)
        if order is None:
            return loader
        sampler = _BatchSampler(self, order)
        return type(loader)(loader.dataset, batch_sampler=sampler, collate_fn=loader.collate_fn)

    return get_torch_dataloader


def _array_dataset(framework: Backend, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def get_tf_dataset(self: Any) -> Any:
        order = _order(self)
        if order is None:
            return original(self)
        mode = _read(self, "_shuffle")
        # One permutation for the whole pass, also for shuffle="batch": TensorFlow reads batches ahead, and a batch
        # must not be drawn under the number of a later pass.
        self._shuffle = True
        try:
            with framework.shuffling(functools.partial(order.rows, _read(self, "_num_samples"))):
                return original(self)
        finally:
            self._shuffle = mode

    return get_tf_dataset


def _dataset_batches(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _finite_generator(self: Any) -> Iterator[Any]:
        order = _order(self)
        if order is None:
            yield from original(self)
            return
        batches = OrderedBatches(self.py_dataset, order)
        for index in range(batches.num_batches):
            yield self._standardize_batch(batches[index])

    return _finite_generator


class KeyedBatches:
    """A `PyDataset` that processes read as it stands: one that is infinite, or that is no training's.

    Args:
        dataset: The user's `PyDataset`.
        reading: What surrounds the reading of a batch.
    """

    def __init__(self, dataset: Any, reading: Reading) -> None:
        self._dataset = dataset
        self._reading = reading
        self.num_batches = dataset.num_batches

    def __getitem__(self, index: int) -> Any:
        with self._reading(index):
            return self._dataset[index]


class OrderedBatches:
    """A `PyDataset` whose batches come in a given order; processes of workers get a copy of it.

    Args:
        dataset: The user's `PyDataset`.
        order: The order.
        workers: What reads the batches: several "threads" or "processes"; None if nothing else does.

    Attributes:
        taken: How many batches of the pass were taken from the workers.
    """

    def __init__(self, dataset: Any, order: PassOrder, *, workers: str | None = None) -> None:
        self._dataset = dataset
        self._order: PassOrder | None = order
        self._workers = workers
        self.begin(continues=False)

    def begin(self, *, continues: bool) -> None:
        """Begins a pass, or goes on with one: with the first batch that was not taken."""
        assert self._order is not None, "only the copy of a worker has no order, and it begins no pass"
        if not continues:
            self.taken = 0
            self._rows = self._order.rows(self._dataset.num_batches)
            reading = functools.partial(self._order.reading, in_processes=self._workers == "processes")
            self._reading = self._order.watching if self._workers == "threads" else reading()
        self._start = self.taken

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_order": None}

    @property
    def num_batches(self) -> int:
        """How many batches are left in this pass."""
        return int(self._dataset.num_batches) - self._start

    def __getitem__(self, index: int) -> Any:
        number = int(self._rows[self._start + index])
        with self._reading(number):
            return self._dataset[number]


def _get(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def get(self: Any) -> Iterator[Any]:
        # What was taken may wait for its step: on a GPU, and before 3.15 on every device, JAX reads one batch ahead.
        for batch in original(self):
            if isinstance(self.py_dataset, OrderedBatches):
                self.py_dataset.taken += 1
            yield batch

    return get


def _stop(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def stop(self: Any, drain_queue_and_join: bool = True) -> None:
        original(self, drain_queue_and_join)
        # Keras keeps what was read ahead and hands it out at the begin of the next pass, which then repeats some
        # batches and drops others (3.15). An ordered pass that goes on reads these batches again.
        if isinstance(self.py_dataset, OrderedBatches) and drain_queue_and_join:
            while not self.ready_queue.empty():
                self.ready_queue.get_nowait()

    return stop
