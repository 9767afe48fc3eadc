"""The layers of a model in canonical order, with all of their parts."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from samefit.patches import dataflow
from samefit.pin.positions import in_order


@dataclass(frozen=True)
class LayerOrder:
    """The layers of a model.

    Attributes:
        groups: The layers by kind of place, in order: "flow" (in the data flow), "own" (around others: models and the
            user's composite layers, for weights of their own), "rest" (not reached by the data flow).
        flow: The data flow, or None if it could not be found.
        why: Why not.
    """

    groups: dict[str, list[Any]]
    flow: dataflow.Flow | None
    why: Exception | None


def order_of(root: Any, arguments: Mapping[str, Any] | None, first_run: Callable[[Any], float]) -> LayerOrder:
    """Returns the layers of a model or layer, each once.

    Args:
        root: The model or layer.
        arguments: Symbolic arguments of its `call`, if they are known.
        first_run: Says how many layers ran for the first time before a layer did; infinity if it never ran.
    """
    seen: set[int] = set()
    flow, why = None, None
    if dataflow.is_graph(root) or (arguments is not None and dataflow.own_call(root) and dataflow.has_call(root)):
        try:
            flow = dataflow.flow_of(root, arguments)
        except Exception as error:  # the user's `call` may do anything; the caller reports it
            why = error
    if flow is None:
        return LayerOrder({"flow": list(_parts(root, first_run, seen))}, None, why)
    around = [layer for layer in flow.entered if id(layer) not in seen]
    seen.update(id(layer) for layer in around)
    reached = [operation for operation in in_order(flow) if hasattr(operation, "_layers")]
    flowing = [part for layer in reached for part in _parts(layer, first_run, seen)]
    rest = [part for layer in around for sub in dataflow.sublayers(layer) for part in _parts(sub, first_run, seen)]
    return LayerOrder({"flow": flowing, "own": around, "rest": rest}, flow, None)


def compiled_inside(root: Any, placed: Container[Any]) -> set[int]:
    """Returns the layers, by identity, of models that were complete and compiled before they were put into `root`.

    Args:
        root: The model.
        placed: The layers that have a place.
    """
    inner = [layer for layer in root._flatten_layers(include_self=False) if getattr(layer, "compiled", False)]
    parts = [layer._flatten_layers() for layer in inner]
    return {id(part) for its in parts if any(one in placed for one in its) for part in its}


def _parts(layer: Any, first_run: Callable[[Any], float], seen: set[int]) -> Iterator[Any]:
    """Yields a layer and its parts: a graph's in data flow, the user's by first run, Keras's by attribute."""
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield layer
    inner = dataflow.sublayers(layer)
    if dataflow.is_graph(layer):
        flow = dataflow.flow_of(layer, None)
        inner = [operation for operation in in_order(flow) if hasattr(operation, "_layers")] + inner
    elif dataflow.own_call(layer) and dataflow.has_call(layer):
        inner = sorted(inner, key=first_run)
    for sub in inner:
        yield from _parts(sub, first_run, seen)
