"""An architecture, and the styles in which a model can be made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

Layers = dict[str, Any]
STYLES = ("sequential", "functional", "subclassed")


@dataclass(frozen=True)
class Architecture:
    """What a model is made of.

    Attributes:
        family: The family of layers, for the table.
        shapes: Shapes of the inputs, without the batch.
        make: Makes the layers, by name.
        run: Runs them on the inputs; None if each takes what the one before gave.
        words: The number of words if the inputs are numbers of words, else 0.
        policy: The dtype policy of all layers.
    """

    family: str
    shapes: tuple[tuple[int, ...], ...]
    make: Callable[[], Layers]
    run: Callable[..., Any] | None = None
    words: int = 0
    policy: str = "float32"

    @property
    def styles(self) -> tuple[str, ...]:
        return STYLES if self.run is None else STYLES[1:]


def through(layer: Any, x: Any, training: bool | None) -> Any:
    """Calls a layer, handing `training` on to those that take it, if it is known: None would override a default."""
    return layer(x, training=training) if training is not None and layer._call_has_training_arg else layer(x)


def in_turn(parts: Layers, inputs: Any, training: bool | None = None) -> Any:
    for layer in parts.values():
        inputs = through(layer, inputs, training)
    return inputs


class Subclassed(keras.Model):
    """The layers as attributes, made in the reverse order, with one that is not used."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.unused = layers.Dropout(0.5)
        made = architecture.make()
        self.order = list(made)
        for name in reversed(self.order):
            setattr(self, f"part_{name}", made[name])
        self.run = architecture.run or in_turn

    def call(self, inputs, training=None):
        parts = {name: getattr(self, f"part_{name}") for name in self.order}
        return self.run(parts, inputs, training)


def build(architecture: Architecture, style: str) -> keras.Model:
    """Makes a model in a style."""
    if style == "subclassed":
        return Subclassed(architecture)
    dtype = "int32" if architecture.words else "float32"
    inputs = [keras.Input(shape, dtype=dtype) for shape in architecture.shapes]
    if style == "sequential":
        return keras.Sequential([inputs[0], *architecture.make().values()])
    run = architecture.run or in_turn
    given = inputs[0] if len(inputs) == 1 else inputs
    return keras.Model(given, run(architecture.make(), given, None))


def chain(family: str, shape: tuple[int, ...], make: Callable[[], Iterable[Any]], **more: Any) -> Architecture:
    return Architecture(family, (shape,), lambda: {f"layer{n}": one for n, one in enumerate(make())}, None, **more)
