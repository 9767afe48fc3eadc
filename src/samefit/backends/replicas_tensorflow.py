"""Datasets and steps that a strategy of TensorFlow shares out among replicas (`tf.distribute`), within one process.

Names that are not public: tensorflow/python/distribute/input_lib.py, checked on TensorFlow 2.21.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.input_lib import DistributedDataset, DistributedIterator

from samefit.by_object import ByObject

_MADE: ByObject[weakref.ref[Any]] = ByObject()
"""What `mapped` made, by the dataset that an iterator over it keeps: of the whole it knows nothing."""


def original(dataset: Any) -> tf.data.Dataset | None:
    """Returns the dataset that a strategy shares out among the devices of this process; None if there is no such one.

    Of what a function of the user's makes for each worker, or several workers read, there is none.
    """
    if not isinstance(dataset, DistributedDataset) or len(dataset._input_workers.worker_devices) != 1:
        return None
    source = getattr(dataset, "_original_dataset", None)
    return source if isinstance(source, tf.data.Dataset) and dataset._input_context is None else None


def mapped(dataset: DistributedDataset, source: tf.data.Dataset) -> Any:
    """Returns a dataset in place of `dataset` that shares out another `source`, as its strategy does it."""
    made = dataset._strategy.experimental_distribute_dataset(source, dataset._options)
    if isinstance(made, DistributedDataset):
        _MADE.add(made._cloned_datasets[0], weakref.ref(made))
    return made


def source_of(iterator: Any) -> Any:
    """Returns the dataset that an iterator runs over, if it is known."""
    if not isinstance(iterator, DistributedIterator):
        return getattr(iterator, "_dataset", None)
    shared = [getattr(inner, "_dataset", None) for inner in iterator._iterators]
    made = _MADE.get(shared[0]) if len(shared) == 1 else None
    return None if made is None else made()


def in_replica(trainer: Any, step: Callable[..., Any], data: Any) -> Any:
    """Runs a step as the trainer's strategy does, in its only replica."""
    strategy = trainer.distribute_strategy
    return strategy.run(step, args=(data,)) if tf.distribute.get_strategy() is not strategy else step(data)
