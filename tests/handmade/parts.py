"""What a hand-made run is made of: layers, trainings, and what is changed in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samefit.store.records import (
    Origin,
)
from samefit.types import Location


@dataclass(frozen=True)
class Layer:
    """A layer; `weights` and `state` are {name: shape}; `seeded`: it has a seed generator; `key`: who it truly is.

    `origins` says by name where first values came from; `record` holds more of the `LayerRecord`.
    """

    class_name: str
    weights: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    state: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seeded: bool = False
    consumed: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    key: str = ""
    trainable: bool = True
    is_leaf: bool = True
    origins: Mapping[str, Origin] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)


def dense(inputs: int, units: int, **options: Any) -> Layer:
    return Layer("Dense", {"kernel": (inputs, units), "bias": (units,)}, **{"config": {"units": units}, **options})


def dropout(**options: Any) -> Layer:
    return Layer("Dropout", seeded=True, **{"config": {"rate": 0.5}, **options})


def normalization(width: int, **options: Any) -> Layer:
    moving = {"moving_mean": (width,), "moving_variance": (width,)}
    return Layer("BatchNormalization", {"gamma": (width,), "beta": (width,)}, moving, **options)


LAYERS = (dense(4, 8), normalization(8), dropout(), dense(8, 3))


@dataclass(frozen=True)
class Training:
    """One training; `steps` a number for each epoch; `frozen` are by default the layers that are not trainable.

    Its first epoch gets the batches that another training gets in the epoch `data_from`; without `cut` the batches go
    on through the epochs, as if there was one.
    """

    steps: Sequence[int] = (4, 4)
    side: str = ""
    model: int = 1
    kind: str = "fit"
    status: str = "complete"
    options: Mapping[str, Any] = field(default_factory=lambda: {"batch_size": 32, "shuffle": True})
    compiled: Mapping[str, Any] = field(
        default_factory=lambda: {"optimizer": {"class": "Adam", "config": {"learning_rate": 0.001}}, "loss": "mse"}
    )
    metrics: Mapping[str, float] = field(default_factory=lambda: {"loss": 0.5, "val_loss": 0.75})
    location: Location | None = None
    begin_event: int = 0
    frozen: tuple[int, ...] | None = None
    data_from: int = 0
    cut: bool = True
    history: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One perturbation.

    Attributes:
        what: "batch" (its digest), "weights" (of its samples), "rows" (which samples), "swap rows" (with the next
            step's), "no batch", "passed over" (nothing of the step is recorded, nor of its state), "loss",
            "no loss", "log", "variable", "begin" (a variable, between two trainings), "unreadable",
            "between" (a variable, before a step, by a callback),
            "final" (a variable, when `fit` has ended), "generator",
            "moving" (the step draws from that generator), "no state" (step -2: none at all), "no begin",
            "chain" (a chain that differs without a reason), "batch beside chain" (one that the chain leaves out),
            "applied" (a weight, by an update that makes something else of the same gradient: a weight that is a
            "variable" changes with its slots, which hold the gradient), "set" (a variable has the value `array`),
            "still" (a variable never changes), "copy" (the training that
            begins at that step goes on from the weights of the one before, whatever its model).
        step: Index of the step in the run; for variables -1 is the state before the first step.
        path: Path of the variable, name of the log or of the generator.
        lasting: Whether all later steps are changed as well (nothing else follows from it).
        value: The new loss or log.
        array: The new value of a variable.
    """

    what: str
    step: int = 0
    path: str = ""
    lasting: bool = True
    value: float | None = None
    array: np.ndarray[Any, Any] | None = None
