"""The touches of Keras's trainers: where a training begins, where a step's batch goes in and its results come out.

Checked on Keras 3.15.1 with jax 0.10.2, TensorFlow 2.21 and torch 2.13. The compiled step is left alone on every
backend: what is wrapped is the Python function that calls it.

- JAX: `JAXTrainer._make_function(step_function, ...)` gets the jitted step; the wrapper sees `(state, data)` and what
  it returns, also for every inner step of `steps_per_execution` (keras/src/backend/jax/trainer.py).
- TensorFlow: `train_function(iterator)` pulls its batch inside the graph, so the batch is seen by a `numpy_function` on
  the dataset of `TFEpochIterator._get_iterator` (keras/src/backend/tensorflow/trainer.py).
- PyTorch: `train_function(data)` gets the batch (keras/src/backend/torch/trainer.py).
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from samefit.patches.passing import Passing
from samefit.patches.patching import Patches

_CHECKED = "Keras 3.15.1"
_TRAINERS = {"jax": "JAXTrainer", "tensorflow": "TensorFlowTrainer", "torch": "TorchTrainer"}


class TrainingObserver(Protocol):
    """What a recorder does with what the trainers show.

    Attributes:
        passing: Steps that it does not want to see (JAX).
    """

    passing: Passing

    def training(self, trainer: Any, kind: str, arguments: dict[str, Any]) -> AbstractContextManager[None]:
        """A training of `kind` ("fit", "train_on_batch") runs within; `arguments` may be changed in place."""

    def compiling(self, trainer: Any, arguments: dict[str, Any]) -> None:
        """`compile` is called; `arguments` may be changed in place."""

    def other(self, word: str, trainer: Any) -> AbstractContextManager[None]:
        """An `evaluate`, `predict`, … runs within."""

    def epoch(self, epoch: int) -> None:
        """An epoch of the training (0-based) begins; its batches are not drawn yet."""

    def batch_ended(self, callbacks: Any, logs: Any) -> None:
        """Keras reports the end of a training batch to the callbacks."""

    def training_ended(self) -> None:
        """Keras tells the callbacks that the training has ended."""

    def step(self, trainer: Any, data: Any, state: Any, call: Callable[[], Any]) -> Any:
        """One step: `call()` runs it; `data` is the batch, or None; `state` is JAX's state, or None."""

    def seen_batches(self, iterator: Any) -> Iterator[Any]:
        """Batches that were delivered by `iterator` (TensorFlow) and not taken yet."""

    def watched(self, dataset: Any, epochs: Any) -> Any:
        """Returns the dataset of `epochs`, which runs the epochs of one `fit`, such that its batches are seen."""


def trainer_class(backend: str) -> type:
    """Returns Keras's trainer class for a backend."""
    module = importlib.import_module(f"keras.src.backend.{backend}.trainer")
    found: type = getattr(module, _TRAINERS[backend])
    return found


def watch_trainer(patches: Patches, backend: str, observer: TrainingObserver) -> None:
    """Puts all hooks of the trainer of `backend` in place."""
    trainer = trainer_class(backend)
    base = importlib.import_module("keras.src.trainers.trainer").Trainer
    callbacks = importlib.import_module("keras.src.callbacks.callback_list").CallbackList
    patches.replace(trainer, "fit", functools.partial(_training, observer, "fit"), checked_on=_CHECKED)
    patches.replace(
        trainer, "train_on_batch", functools.partial(_training, observer, "train_on_batch"), checked_on=_CHECKED
    )
    patches.replace(base, "compile", functools.partial(_compiling, observer), checked_on=_CHECKED)
    for name in ("evaluate", "predict", "test_on_batch", "predict_on_batch"):
        patches.replace(trainer, name, functools.partial(_other, observer, name), checked_on=_CHECKED)
    patches.replace(callbacks, "on_epoch_begin", functools.partial(_epoch, observer), checked_on=_CHECKED)
    patches.replace(callbacks, "on_train_batch_end", functools.partial(_batch_end, observer), checked_on=_CHECKED)
    patches.replace(callbacks, "on_train_end", functools.partial(_train_end, observer), checked_on=_CHECKED)
    _STEPS[backend](patches, trainer, observer)


def watch_begins(patches: Patches, backend: str, began: Callable[[], None]) -> None:
    """Calls `began` when a `fit` or a `train_on_batch` begins, in a process that is not recorded."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def training(self: Any, *args: Any, **kwargs: Any) -> Any:
            began()
            return original(self, *args, **kwargs)

        return training

    for name in ("fit", "train_on_batch"):
        patches.replace(trainer_class(backend), name, make, checked_on=_CHECKED)


def watch_callbacks(patches: Patches, began: Callable[[Any], None]) -> None:
    """Calls `began` with the list of callbacks of each `fit` that begins; the list is gone once that `fit` has ended.

    Checked for all ways in which `fit` ends: nothing but its own frame holds the list (keras/src/trainers, backends).
    """
    callbacks = importlib.import_module("keras.src.callbacks.callback_list").CallbackList

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def on_train_begin(self: Any, logs: Any = None) -> Any:
            began(self)
            return original(self, logs)

        return on_train_begin

    patches.replace(callbacks, "on_train_begin", make, checked_on=_CHECKED)


def _training(observer: TrainingObserver, kind: str, original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def training(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            # The user's mistake: let Keras say so.
            return original(self, *args, **kwargs)
        # Only what the user wrote is handed on, so that a later Keras may change its defaults.
        arguments = dict(list(bound.arguments.items())[1:])
        with observer.training(self, kind, arguments):
            return original(self, **arguments)

    return training


def _compiling(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def compiling(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError:
            return original(self, *args, **kwargs)
        arguments = dict(list(bound.arguments.items())[1:])
        observer.compiling(self, arguments)
        return original(self, **arguments)

    return compiling


def _other(observer: TrainingObserver, word: str, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.other(word, self):
            return original(self, *args, **kwargs)

    return other


def _epoch(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def on_epoch_begin(self: Any, epoch: int, logs: Any = None) -> Any:
        result = original(self, epoch, logs)
        # After the user's own callbacks: one that seeds at each epoch is part of the training.
        observer.epoch(epoch)
        return result

    return on_epoch_begin


def _batch_end(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    passing = observer.passing

    @functools.wraps(original)
    def on_train_batch_end(self: Any, batch: int, logs: Any = None) -> Any:
        if not passing.left:
            observer.batch_ended(self, logs)
        return original(self, batch, logs)

    return on_train_batch_end


def _train_end(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def on_train_end(self: Any, logs: Any = None) -> Any:
        observer.training_ended()
        return original(self, logs)

    return on_train_end


def _watch_jax(patches: Patches, trainer: type, observer: TrainingObserver) -> None:
    making = threading.local()
    passing, watch = observer.passing, observer.passing.watch

    def make_train_function(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            making.train = True
            try:
                return original(self, *args, **kwargs)
            finally:
                making.train = False

        return wrapped

    def make_function(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(self: Any, step_function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if not getattr(making, "train", False):
                return original(self, step_function, *args, **kwargs)

            def step(state: Any, data: Any) -> Any:
                if not passing.left or passing.trainer is not self:
                    return observer.step(self, data, state, functools.partial(step_function, state, data))
                watch.in_step = True
                try:
                    result = step_function(state, data)
                finally:
                    watch.in_step = False
                passing.left -= 1
                passing.taken += 1
                passing.logs = result[0]
                return result

            return original(self, step, *args, **kwargs)

        return wrapped

    patches.replace(trainer, "make_train_function", make_train_function, checked_on=_CHECKED)
    patches.replace(trainer, "_make_function", make_function, checked_on=_CHECKED)


def _wrap_train_function(
    patches: Patches, trainer: type, around: Callable[[Any, Callable[..., Any], Any], Any]
) -> None:
    def make_train_function(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
            before = self.train_function
            result = original(self, *args, **kwargs)
            made = self.train_function
            # Keras keeps a function that it made before: that one is wrapped already.
            if made is not None and made is not before:

                def train_function(data: Any) -> Any:
                    return around(self, made, data)

                self.train_function = train_function
            return result

        return wrapped

    patches.replace(trainer, "make_train_function", make_train_function, checked_on=_CHECKED)


def _watch_tensorflow(patches: Patches, trainer: type, observer: TrainingObserver) -> None:
    module = importlib.import_module("keras.src.backend.tensorflow.trainer")

    def get_iterator(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def wrapped(self: Any) -> Any:
            return observer.watched(original(self), self)

        return wrapped

    def around(self: Any, train_function: Callable[..., Any], iterator: Any) -> Any:
        return observer.step(self, observer.seen_batches(iterator), None, lambda: train_function(iterator))

    patches.replace(module.TFEpochIterator, "_get_iterator", get_iterator, checked_on=_CHECKED)
    _wrap_train_function(patches, trainer, around)


def _watch_torch(patches: Patches, trainer: type, observer: TrainingObserver) -> None:
    def around(self: Any, train_function: Callable[..., Any], data: Any) -> Any:
        # One list element a step; from 3.16 on there may be several (steps_per_execution).
        batch = data[0] if isinstance(data, (list, tuple)) and len(data) == 1 else data
        return observer.step(self, batch, None, lambda: train_function(data))

    _wrap_train_function(patches, trainer, around)


_STEPS: Mapping[str, Callable[[Patches, type, TrainingObserver], None]] = {
    "jax": _watch_jax,
    "tensorflow": _watch_tensorflow,
    "torch": _watch_torch,
}
