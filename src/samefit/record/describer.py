"""What a training starts from, on its way into a run: its model, its variables and their first values."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from samefit.backends.base import Array
from samefit.by_object import ByObject
from samefit.pin.weights import first_value
from samefit.record import models
from samefit.record.provenance import Provenance
from samefit.record.states import States
from samefit.record.training import Training
from samefit.store.records import ModelRecord
from samefit.store.writer import RunWriter


class Describer:
    """Writes models, layouts and first states; it knows the models that were described.

    Args:
        writer: Where records go.
        provenance: Knows where layers and variables came from.
        states: Records the first state.
    """

    def __init__(self, writer: RunWriter, provenance: Provenance, states: States) -> None:
        self._writer, self._provenance, self._states = writer, provenance, states
        self._models: ByObject[tuple[ModelRecord, list[weakref.ref[Any]]]] = ByObject()

    def knows(self, trainer: Any) -> bool:
        """Whether a model was described."""
        return self._models.get(trainer) is not None

    def layers(self, trainer: Any) -> list[Any]:
        """Returns the layers of a model in the order in which they are recorded; None for one that is gone."""
        known = self._models.get(trainer)
        return [] if known is None else [reference() for reference in known[1]]

    def describe(self, training: Training, index: int, calls: Any, begin: Mapping[int, Array]) -> None:
        """Writes a training's model and layout, and before its first step the state.

        Args:
            training: The training.
            index: `StepRecord.index` of its next step.
            calls: The calls of layers in the step that has just run.
            begin: `samefit.record.training.Before.begin`.
        """
        trainer = training.trainer
        training.collect(trainer)
        layers: Sequence[Any]
        if (known := self._models.get(trainer)) is None:
            record, layers = models.describe_model(trainer, self._models.made + 1, calls, self._provenance)
            self._models.add(trainer, (record, [weakref.ref(layer) for layer in layers]))
        else:
            record, layers = known[0], self.layers(trainer)
        self._writer.model(record)
        training.variable_records = models.describe_variables(
            trainer, training.variables, training.optimizer_variables, layers, self._provenance
        )
        training.layout = self._writer.layout(training.variable_records)
        frozen = tuple(i for i, layer in enumerate(layers) if layer is not None and not layer.trainable)
        training.record = replace(training.record, model=record.id, frozen=frozen)
        self._writer.training(training.record)
        if training.steps == 0:
            before = [self.begin_value(v, begin) for v in training.all_variables]
            self._writer.state(self._states.record(training, index, "begin", before))
            self._states.arrays(f"initial-{training.record.number}", training, before)

    def begin_value(self, variable: Any, begin: Mapping[int, Array]) -> Array | None:
        """Returns the value that a variable had before the first step."""
        value = begin.get(id(variable))
        if value is None:
            # Made inside the first step (a subclassed model on TensorFlow): its first value was kept when it was made.
            value = first_value(variable)
        if value is None:
            made = self._provenance.made(variable)
            value = made.value if made is not None else None
        return value
