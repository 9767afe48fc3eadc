"""The touches of Keras that taking a training up again needs. Checked on Keras 3.15.1.

Keras's own `BackupAndRestore` takes a training up at the begin of an epoch; here it is at any step. The loops of all
three backends ask the epoch iterator for the next step once every callback of the last one has run: that is the moment
between two steps at which a training is saved, and up to which a new one is brought forward.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from samefit.patches.dataflow import has_call
from samefit.patches.fits import around_fit, before_epoch
from samefit.patches.held import own_parts
from samefit.patches.patching import Patches
from samefit.patches.pinning import instance_attribute
from samefit.patches.trainer import trainer_class

_CHECKED = "Keras 3.12.0, 3.14.0 and 3.15.1"


class ResumeObserver(Protocol):
    """What resuming does with what the trainers show."""

    def fitting(self, model: Any, arguments: dict[str, Any]) -> AbstractContextManager[None]:
        """A `fit` with these arguments runs within."""

    def epoch(self, epoch: int) -> None:
        """An epoch (0-based) begins; no callback has been told."""

    def data(self, epoch_iterator: Any) -> None:
        """An epoch iterator was made: the first one in a `fit` is that of its training data."""

    def steps(self, epoch_iterator: Any, steps: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """Returns the steps of one epoch; `steps()` are those of the iterator, (first, last, iterator of batches)."""


def watch_resuming(patches: Patches, backend: str, observer: ResumeObserver) -> None:
    """Puts all hooks in place."""
    callbacks = importlib.import_module("keras.src.callbacks.callback_list").CallbackList
    iterators = importlib.import_module("keras.src.trainers.epoch_iterator").EpochIterator
    patches.replace(trainer_class(backend), "fit", around_fit(observer.fitting), checked_on=_CHECKED)
    patches.replace(callbacks, "on_epoch_begin", before_epoch(observer.epoch), checked_on=_CHECKED)
    patches.replace(iterators, "__init__", functools.partial(_data, observer), checked_on=_CHECKED)
    patches.replace(iterators, "_enumerate_iterator", functools.partial(_steps, observer), checked_on=_CHECKED)


def _data(observer: ResumeObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it replaces one
        original(self, *args, **kwargs)
        observer.data(self)

    return __init__


def _steps(observer: ResumeObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _enumerate_iterator(self: Any) -> Iterator[Any]:
        yield from observer.steps(self, functools.partial(original, self))

    return _enumerate_iterator


def start_at_epoch(model: Any, epoch: int | None) -> None:
    """Lets the `fit` that begins start at an epoch; None takes that back.

    `fit` reads the attribute after `on_train_begin`; `BackupAndRestore` sets it (keras/src/callbacks).
    """
    model._initial_epoch = epoch


def build(model: Any, epoch_iterator: Any) -> None:
    """Builds a model and its metrics, as far as `fit` has not done so before its first step.

    On JAX and PyTorch it has (`Trainer._symbolic_build`). On TensorFlow they are built by the first step; the shapes
    are those of the dataset, so that no batch is read for it. A class around several models, with a `train_step` and no
    `call`, has nothing that Keras could build.
    """
    dataset = getattr(epoch_iterator, "_distributed_dataset", None)
    if dataset is not None and has_call(model):
        # A `train_step` of the user's may never use it, and then it is not built by a step either.
        with instance_attribute(model, "optimizer", None):
            model._symbolic_build(data_batch=dataset.element_spec)


def optimizers_of(model: Any) -> list[Any]:
    """Returns the optimizer that `compile` was given, and those that a model of the user's own holds, each once."""
    given = getattr(model, "optimizer", None)
    held = [one for one in own_parts(model, "BaseOptimizer").values() if one is not given]
    return held if given is None else [given, *held]


def built_for(model: Any, optimizer: Any) -> list[int] | None:
    """Returns which of a model's variables an optimizer was built for, by their places; None if it is not built.

    Raises:
        ValueError: If it was built for a variable that the model does not hold.
    """
    if not optimizer.built:
        return None
    places = [id(variable) for variable in model.variables]
    return [places.index(id(variable)) for variable in optimizer._trainable_variables]


def build_optimizer(model: Any, optimizer: Any, places: list[int] | None) -> None:
    """Builds an optimizer as `built_for` found it, if it is not built yet."""
    if places is not None and not optimizer.built:
        variables = model.variables
        optimizer.build([variables[place] for place in places])


def all_variables(model: Any) -> list[Any]:
    """Returns everything that a training changes in a model: weights, states of layers, optimizers, metrics."""
    slots = [variable for optimizer in optimizers_of(model) for variable in optimizer.variables]
    return [*model.variables, *slots, *model.metrics_variables]


def callbacks_of(model: Any, callbacks: Any) -> list[Any]:
    """Returns the callbacks of a `fit`, in order, with the `History` that Keras adds."""
    if callbacks is None:
        found = []
    elif isinstance(callbacks, (list, tuple)):
        found = [one for item in callbacks for one in callbacks_of(None, item)]
    elif type(callbacks).__name__ == "CallbackList":
        found = list(callbacks.callbacks)
    else:
        found = [callbacks]
    history = getattr(model, "history", None)
    return found if history is None or history in found else [*found, history]


def skip_pass(epoch_iterator: Any, steps: Callable[[], Iterator[Any]]) -> None:
    """Reads the batches of one epoch and drops them."""
    with epoch_iterator.catch_stop_iteration():
        for _, _, batches in steps():
            skip_step(epoch_iterator, batches)


def skip_step(epoch_iterator: Any, batches: Iterator[Any]) -> None:
    """Reads the batches of one step and drops them."""
    for _ in range(epoch_iterator.steps_per_execution):
        next(batches)


def length_is_known(epoch_iterator: Any) -> bool:
    """Whether Keras knows how many steps an epoch has."""
    return bool(epoch_iterator.steps_per_epoch or epoch_iterator.num_batches)


def begins_anew_each_epoch(epoch_iterator: Any) -> bool:
    """Whether an epoch's data does not depend on what earlier epochs have read; see `hooks_of_data`."""
    kind = type(epoch_iterator.data_adapter).__name__
    finite = kind == "ArrayDataAdapter" or (
        kind == "PyDatasetAdapter" and epoch_iterator.data_adapter.py_dataset.num_batches is not None
    )
    return finite and not epoch_iterator.steps_per_epoch


def hooks_of_data(epoch_iterator: Any) -> list[Callable[[], Any]]:
    """Returns what a `PyDataset` of the user's does at the begin and at the end of an epoch (`PyDatasetAdapter`)."""
    base = importlib.import_module("keras").utils.PyDataset
    dataset = getattr(epoch_iterator.data_adapter, "py_dataset", None)
    names = ("on_epoch_begin", "on_epoch_end") if dataset is not None else ()
    found = [(getattr(dataset, name), getattr(base, name)) for name in names]
    return [hook for hook, default in found if getattr(hook, "__func__", hook) is not default]
