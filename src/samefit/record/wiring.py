"""The graph of a Functional or Sequential model, as a run holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from samefit.patches.dataflow import Flow, flow_of_graph
from samefit.pin.positions import calls_in_order
from samefit.store.records import WireRecord, WiringRecord


def wiring_of(model: Any, place: Mapping[int, int]) -> WiringRecord:
    """Reads what comes from where in a model; nothing is run.

    Args:
        model: A Keras model that is built.
        place: {id of a layer: its index among the layers of the record}.
    """
    try:
        flow = flow_of_graph(model)
        return WiringRecord() if flow is None else WiringRecord(tuple(_wires(flow, place)))
    except Exception as error:  # evidence alone: the training is recorded without it, and the record says so
        return WiringRecord(failed=f"{type(error).__name__}: {error}")


def _wires(flow: Flow, place: Mapping[int, int]) -> list[WireRecord]:
    calls = [call for call in calls_in_order(flow) if type(call.operation).__name__ != "InputLayer"]
    numbers = {id(call): number for number, call in enumerate(calls)}
    inputs = {tensor: -1 - position for position, tensor in enumerate(flow.inputs)}

    def source(tensor: int) -> int:
        return inputs[tensor] if tensor in inputs else numbers[id(flow.producers[tensor])]

    return [
        WireRecord(
            class_name=type(call.operation).__name__,
            layer=place.get(id(call.operation)),
            # Masks stand in the graph as well; they come with the tensors.
            sources=tuple(source(tensor) for tensor in call.inputs if tensor not in call.masks),
        )
        for call in calls
    ]
