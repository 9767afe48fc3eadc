"""The touches that show a training step from inside: calls of layers and operations, the loss, the gradients.

Checked on Keras 3.15.1. They are in place only while one step is run once more to be looked at, never while it trains.
All hooks hand on the same objects: a wrapped output would lose `_keras_mask` or, on TensorFlow, `_keras_logits`. Only
gradients may be replaced, by those of another run of the step.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from samefit.patches.patching import Patches

_CHECKED = "Keras 3.15.1"


class StepObserver(Protocol):
    """What is done with what a step shows from inside."""

    def called(self, operation: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Any:
        """A layer or an operation is called; `call()` does it, and what it returns must be returned."""

    def loss(self, given: Sequence[Any], call: Callable[[], Any]) -> Any:
        """The loss is computed from `given`: targets, predictions, sample weights."""

    def applying(self, gradients: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
        """An optimizer is about to apply one gradient to each variable, or None; returns those to apply.

        One that scales the loss hands what it has unscaled to a second optimizer, which applies it to the same ones.
        """


def watch_step(patches: Patches, observer: StepObserver) -> None:
    """Puts all hooks in place."""
    layer = importlib.import_module("keras.src.layers.layer").Layer
    operation = importlib.import_module("keras.src.ops.operation").Operation
    optimizer = importlib.import_module("keras.src.optimizers.base_optimizer").BaseOptimizer
    scaled = importlib.import_module("keras.src.optimizers.loss_scale_optimizer").LossScaleOptimizer
    trainer = importlib.import_module("keras.src.trainers.trainer").Trainer
    patches.replace(layer, "__call__", functools.partial(_layer, observer), checked_on=_CHECKED)
    patches.replace(operation, "__call__", functools.partial(_operation, observer, layer), checked_on=_CHECKED)
    patches.replace(trainer, "_compute_loss", functools.partial(_loss, observer), checked_on=_CHECKED)
    for cls in (optimizer, scaled):
        patches.replace(cls, "apply", functools.partial(_apply, observer), checked_on=_CHECKED)


def tensor_of(value: Any, like: Any) -> Any:
    """Returns an array as a tensor of the backend, in the dtype of another one."""
    import keras

    return keras.ops.convert_to_tensor(value, dtype=keras.backend.standardize_dtype(like.dtype))


def _layer(observer: StepObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return observer.called(self, args, kwargs, lambda: original(self, *args, **kwargs))

    return call


def _operation(observer: StepObserver, layer: type, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, layer):
            return original(self, *args, **kwargs)
        return observer.called(self, args, kwargs, lambda: original(self, *args, **kwargs))

    return call


def _loss(observer: StepObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def compute(
        self: Any, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        def call() -> Any:
            return original(self, x, y, y_pred, sample_weight, training=training)

        return observer.loss((y, y_pred, sample_weight), call) if training else call()

    return compute


def _apply(observer: StepObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def apply(self: Any, grads: Any, trainable_variables: Any = None) -> Any:
        variables = self._trainable_variables if trainable_variables is None else list(trainable_variables)
        grads = observer.applying(list(grads), variables)
        return original(self, grads, variables if trainable_variables is not None else None)

    return apply
