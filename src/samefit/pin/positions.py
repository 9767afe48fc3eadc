"""Canonical positions: where a layer stands in the data flow, whatever the order of lines and of construction.

The order is depth-first and post-order from the outputs: before a layer come the layers that its first input needs,
then those that its second needs, and so on. It depends on what flows where, and on the order of arguments and of
outputs; not on the order in which branches were written, nor on what was nested in what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from samefit.patches.dataflow import Call, Flow

_COMMUTATIVE = frozenset({"Add", "Multiply", "Average", "Maximum", "Minimum"})
"""Names of Keras's layers and operations whose result does not depend on the order of their inputs."""


def in_order(flow: Flow) -> list[Any]:
    """Returns the layers and operations of a data flow in canonical order, each once."""
    found: dict[int, Any] = {}
    for call in _post_order(flow, flow.outputs):
        found.setdefault(id(call.operation), call.operation)
    return list(found.values())


def calls_in_order(flow: Flow) -> list[Call]:
    """Returns the calls of a data flow in canonical order."""
    return list(_post_order(flow, flow.outputs))


def interchangeable(
    flow: Flow, owners: Callable[[Any], frozenset[int]], kind: Callable[[Any], Any]
) -> list[tuple[Any, Any, Any]]:
    """Finds branches that are built alike and meet where their order does not matter.

    Args:
        flow: The data flow.
        owners: Returns the identities of what has weights of its own in a layer.
        kind: Returns something that is equal for two layers that are built alike.

    Returns:
        (the layer or operation where they meet, the last of one branch, the last of the other), once each.
    """
    alike = _structures(flow, kind)
    found = []
    for call in _post_order(flow, flow.outputs):
        if type(call.operation).__name__ not in _COMMUTATIVE:
            continue
        for n, one in enumerate(call.inputs):
            for other in call.inputs[n + 1 :]:
                if one == other or alike[one] != alike[other]:
                    continue
                first, second = _weights(flow, one, owners), _weights(flow, other, owners)
                if first != second and (first - second) and (second - first):
                    found.append(
                        (call.operation, flow.producers[one].operation, flow.producers[other].operation),
                    )
    return found


def _weights(flow: Flow, tensor: int, owners: Callable[[Any], frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*(owners(call.operation) for call in _post_order(flow, (tensor,))))


def _structures(flow: Flow, kind: Callable[[Any], Any]) -> dict[int, int]:
    """Numbers the tensors such that two have one number if the layers that made them are of one kind and shape."""
    numbers: dict[Any, int] = {}
    of: dict[int, int] = {}

    def number(structure: Any) -> int:
        return numbers.setdefault(structure, len(numbers))

    made: dict[int, list[int]] = {}
    for tensor, call in flow.producers.items():
        made.setdefault(id(call), []).append(tensor)
    for tensor in flow.shapes:
        if tensor not in flow.producers:
            of[tensor] = number(("input", tensor))
    for call in _post_order(flow, flow.outputs):
        for index, tensor in enumerate(sorted(made[id(call)])):
            inputs = tuple(of[one] for one in call.inputs)
            # An input layer has no inputs of its own: two of them are two, whatever their shapes.
            own = tensor if not call.inputs else index
            of[tensor] = number((kind(call.operation), inputs, flow.shapes[tensor], own))
    return of


def _post_order(flow: Flow, outputs: tuple[int, ...]) -> Iterator[Call]:
    """Yields the calls behind `outputs`, each once, those before it first; not recursive: models are deep."""
    done: set[int] = set()
    stack: list[tuple[int, bool]] = [(tensor, False) for tensor in reversed(outputs)]
    while stack:
        tensor, left = stack.pop()
        call = flow.producers.get(tensor)
        if call is None or id(call) in done:
            continue
        if left:
            done.add(id(call))
            yield call
        else:
            stack.append((tensor, True))
            stack.extend((one, False) for one in reversed(call.inputs) if one in flow.producers)
