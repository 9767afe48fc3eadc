"""Stand-ins for objects of Keras, as far as transplants know them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np


class Variable:
    """A variable of Keras as far as transplants know it."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)

    def assign(self, value: Any) -> None:
        self.value = np.array(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return self.value


class Dense:
    def __init__(self, units: int, activation: str = "relu") -> None:
        self.units, self.activation = units, activation


class SubDense(Dense):
    pass


class Layer:
    def __init__(self, name: str, trainable: bool = True) -> None:
        self.name, self.trainable = name, trainable


class Trainer:
    train_function: Any = "compiled"

    def __init__(self, *layers: Layer) -> None:
        self._layers = layers

    def _flatten_layers(self, include_self: bool = True) -> Iterator[Layer]:
        assert not include_self
        return iter(self._layers)


class Scheduler:
    """A callback."""


class Logger:
    """A callback."""


class Batches:
    workers = 4
    use_multiprocessing = True


class Adapted(Layer):
    """A layer that computes something of its variables once, as `Normalization` does."""

    finalized = 0

    def finalize_state(self) -> None:
        self.finalized += 1
