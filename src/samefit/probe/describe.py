"""What a model is made of, in canonical order: by place in the data flow, not by lines, names or construction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from samefit.align.graphs import COMMUTATIVE
from samefit.patches import dataflow
from samefit.patches.configs import config_of
from samefit.pin.layer_order import order_of
from samefit.pin.positions import calls_in_order
from samefit.record.models import describe_model, describe_variables
from samefit.record.plain import plain
from samefit.record.provenance import Provenance
from samefit.store.digest import digest
from samefit.store.probes import ARRAY, GraphRecord, NodeRecord
from samefit.store.records import ModelRecord, VariableRecord


@dataclass(frozen=True)
class Description:
    """A model as records, and the objects behind them.

    Attributes:
        model: The model.
        variables: Records of its weights and seed states.
        graph: Its data flow.
        layers: The layers, in the order of `model.layers`.
        objects: The variables, in the order of `variables`.
    """

    model: ModelRecord
    variables: tuple[VariableRecord, ...]
    graph: GraphRecord
    layers: list[Any]
    objects: list[Any]


def describe(model: Any, inputs: Any, ran: Sequence[Any], provenance: Provenance) -> Description:
    """Describes a model that has run once.

    Args:
        model: The model.
        inputs: What it ran on.
        ran: Its layers in the order in which they ran, once for each call.
        provenance: Knows where layers and variables came from.
    """
    first: dict[int, int] = {}
    for number, layer in enumerate(ran):
        first.setdefault(id(layer), number)
    arguments = {dataflow.first_parameter(model): dataflow.symbolic(inputs)}
    order = order_of(model, arguments, lambda layer: first.get(id(layer), float("inf")))
    found = [layer for group in ("flow", "own", "rest") for layer in order.groups.get(group, ())]
    if order.flow is None:
        found.sort(key=lambda layer: first.get(id(layer), float("inf")))
    listed, listed_layers = describe_model(model, 1, [], provenance)
    records = {id(layer): one for layer, one in zip(listed_layers, listed.layers, strict=True)}
    # A Sequential model holds a graph of its own, which is no layer of the user's.
    layers = [layer for layer in found if id(layer) in records]
    place = {id(layer): index for index, layer in enumerate(layers)}
    calls = Counter(map(id, ran))
    record = replace(
        listed,
        layers=tuple(replace(records[id(layer)], calls=calls[id(layer)]) for layer in layers),
        order="structure" if order.flow is None and not ran else "execution",
    )
    generators = [generator for layer in [*layers, model] for generator in dataflow.own_generators(layer)]
    objects = list({id(v): v for v in [*model.weights, *(g.state for g in generators)]}.values())
    variables = describe_variables(model, objects, {}, layers, provenance)
    return Description(record, variables, _graph(order.flow, order.why, place), layers, objects)


def _graph(flow: dataflow.Flow | None, why: Exception | None, place: dict[int, int]) -> GraphRecord:
    if flow is None:
        failed = "its call cannot be run on symbolic tensors" if why is None else f"{type(why).__name__}: {why}"
        return GraphRecord(failed=failed)
    made: dict[int, list[int]] = {}
    for tensor, call in flow.producers.items():
        made.setdefault(id(call), []).append(tensor)
    calls = [call for call in calls_in_order(flow) if type(call.operation).__name__ != "InputLayer"]
    wanted = set(flow.outputs)
    kept = []
    # Masks stand in the graph of a Functional model, and travel unseen in a class of the user's: they are left out.
    for call in reversed(calls):
        if wanted & {*made[id(call)]}:
            kept.append(call)
            wanted |= {tensor for tensor in call.inputs if tensor not in call.masks}
    nodes = tuple(_node(call, tuple(sorted(made[id(call)])), place) for call in reversed(kept))
    failed = "; ".join(f"{layer.name}: {type(error).__name__}: {error}" for layer, error in flow.failed)
    return GraphRecord(nodes, flow.inputs, flow.outputs, failed)


def _node(call: dataflow.Call, outputs: tuple[int, ...], place: dict[int, int]) -> NodeRecord:
    operation = call.operation
    layer = place.get(id(operation))
    is_layer = hasattr(operation, "_layers")
    return NodeRecord(
        class_name=type(operation).__name__,
        layer=layer,
        inputs=tuple(tensor for tensor in call.inputs if tensor not in call.masks),
        outputs=outputs,
        parts=tuple(place[id(part)] for part in _parts(operation) if id(part) in place) if is_layer else (),
        constants=_constants(call),
        config={} if is_layer else {k: plain(v) for k, v in config_of(operation).items() if k != "name"},
    )


def _constants(call: dataflow.Call) -> tuple[Any, ...]:
    """Returns what a call takes beside tensors; of an operation whose arguments may change places, in one order."""
    constants = tuple(map(_constant, call.constants))
    return tuple(sorted(constants, key=repr)) if type(call.operation).__name__.lower() in COMMUTATIVE else constants


def _parts(layer: Any) -> Iterator[Any]:
    for part in dataflow.sublayers(layer):
        yield part
        yield from _parts(part)


def _constant(value: Any) -> Any:
    if isinstance(value, keras.Variable):
        # A weight: its values are compared as weights are.
        return f"variable {tuple(value.shape)} {value.dtype}"
    if hasattr(value, "shape") and hasattr(value, "__array__"):
        # NumPy cannot read a tensor of PyTorch's that was computed from weights.
        array = value if isinstance(value, np.ndarray) else keras.ops.convert_to_numpy(value)
        return f"{ARRAY} {tuple(array.shape)} {array.dtype} {digest(array).hex()}"
    return plain(value) if not isinstance(value, slice) else str(value)
