"""The data flow of a model, as Keras's symbolic graph shows it. Checked on Keras 3.12 to 3.15.1.

A Functional model has its graph. A model or layer that is a class of the user's has none: its `call` is run once on
symbolic tensors, and so is everything in it that is the user's, or a model, such that only Keras's own layers and
operations are left in the graph, whatever was nested in what. The nodes that this adds to the layers are taken off
again: `layer.output` would count them.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from samefit.patches.patching import Patches
from samefit.patches.quiet import hush

_CHECKED = "Keras 3.12 to 3.15.1"


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or an operation.

    Attributes:
        operation: The layer or operation.
        inputs: Numbers of the tensors that went in, in the order of the parameters of its `call`.
        constants: Everything that it was called with, in the same order; "tensor" stands for a tensor.
        masks: Numbers of those tensors among `inputs` that came as the mask of the layer.
    """

    operation: Any
    inputs: tuple[int, ...]
    constants: tuple[Any, ...] = ()
    masks: frozenset[int] = frozenset()


@dataclass
class Flow:
    """The data flow of a model.

    Attributes:
        producers: The call that made each tensor, by the number of the tensor; tensors without one are inputs.
        outputs: Numbers of the tensors that the model returns, in order.
        shapes: Shapes of the tensors, by number.
        entered: The models and the user's layers that were taken apart, in the order in which they were entered.
        failed: Those that could not be taken apart, with the reason; they stand in the graph as a whole.
        without_training: Layers that the outermost `call` calls without its own `training`.
        inputs: Numbers of the tensors that the model was given, in order.
    """

    producers: dict[int, Call] = field(default_factory=dict)
    outputs: tuple[int, ...] = ()
    shapes: dict[int, tuple[int | None, ...]] = field(default_factory=dict)
    entered: list[Any] = field(default_factory=list)
    failed: list[tuple[Any, Exception]] = field(default_factory=list)
    without_training: list[Any] = field(default_factory=list)
    inputs: tuple[int, ...] = ()


def is_model(layer: Any) -> bool:
    """Says whether a layer is a model."""
    return isinstance(layer, importlib.import_module("keras").Model)


def is_layer(thing: Any) -> bool:
    """Says whether an object is a layer or a model."""
    return isinstance(thing, importlib.import_module("keras").Layer)


def is_graph(layer: Any) -> bool:
    """Says whether a layer is a Functional model or a Sequential one that is built, with Keras's own `call`."""
    return _graph_of(layer) is not None


def inputs_of_graph(layer: Any) -> Any | None:
    """Returns the symbolic inputs of a Functional or built Sequential model, nested as it takes them, or None."""
    graph = _graph_of(layer)
    return None if graph is None else graph._inputs_struct


def first_parameter(layer: Any) -> str:
    """Returns the name of the parameter of `call` that takes the inputs."""
    return next(iter(inspect.signature(layer.call).parameters))


def takes_training(layer: Any) -> bool:
    """Says whether the `call` of a layer has a parameter `training`."""
    return bool(layer._call_has_training_arg)


def own_call(layer: Any) -> bool:
    """Says whether the `call` of a layer is the user's."""
    return not str(getattr(type(layer).call, "__module__", "")).startswith("keras.")


def has_call(layer: Any) -> bool:
    """Says whether a layer can be called at all: a class around several models, with its own `train_step`, cannot."""
    base = importlib.import_module("keras.src.layers.layer").Layer
    model = importlib.import_module("keras.src.models.model").Model
    return type(layer).call not in (base.call, model.call)


def unbuilt(layer: Any) -> bool:
    """Says whether some part of a layer is not built yet."""
    return any(not part.built for part in layer._flatten_layers(include_self=False))


def is_built_in_name_only(layer: Any) -> bool:
    """Says whether a layer counts as built though its parts are not, and it has no `build` that could do that."""
    default = importlib.import_module("keras.src.utils").is_default(layer.build)
    return bool(default) and any(not part.built for part in layer._layers)


def sublayers(layer: Any) -> list[Any]:
    """Returns the layers that a layer holds directly, in the order in which they became its attributes."""
    return list(layer._layers)


def own_variables(layer: Any) -> list[Any]:
    """Returns the weights that a layer holds itself, not its sublayers."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


def own_generators(layer: Any) -> list[Any]:
    """Returns the `SeedGenerator`s that a layer holds itself, in the order in which they became its attributes."""
    return list(layer._seed_generators)


def needs_training(layer: Any) -> bool:
    """Says whether a layer does something else while training: it draws, or keeps statistics of the batches."""
    normalization = importlib.import_module("keras").layers.BatchNormalization
    return bool(layer._seed_generators) or isinstance(layer, normalization)


def leaves(value: Any) -> list[Any]:
    """Returns everything in a nested structure of arguments."""
    return _flat(value)


def symbolic(value: Any, dtype: str | None = None) -> Any:
    """Returns `value` with a fresh symbolic tensor in the place of every tensor."""
    keras = importlib.import_module("keras")

    def convert(leaf: Any) -> Any:
        if not (hasattr(leaf, "shape") and hasattr(leaf, "dtype")):
            return leaf
        # Inside a trace of JAX an unknown size is an expression, not None.
        shape = tuple(size if isinstance(size, int) else None for size in leaf.shape)
        # NumPy has a dtype for each length of text, and Keras one for all.
        text = getattr(leaf.dtype, "kind", "") in ("U", "S", "O")
        return keras.KerasTensor(shape, dtype="string" if text else keras.backend.standardize_dtype(leaf.dtype))

    return keras.tree.map_structure(convert, value)


def arguments_from_build(layer: Any) -> dict[str, Any] | None:
    """Returns symbolic arguments for `layer.call` after `layer.build(shape)`, or None if the shapes are not known."""
    shapes = layer._build_shapes_dict
    names = [name for name in inspect.signature(layer.call).parameters if name != "training"]
    if not shapes or not names or any(shape is None for shape in shapes.values()):
        return None
    tree = importlib.import_module("keras.src.tree")
    tensor = importlib.import_module("keras").KerasTensor
    leaves: list[Any] = []
    tree.map_shape_structure(leaves.append, shapes)
    if not all(isinstance(leaf, (list, tuple)) for leaf in leaves):
        return None  # a `build` of the user's that takes something else than shapes

    def made(shape: Any) -> Any:
        return tree.map_shape_structure(lambda one: tensor(one, dtype=layer.input_dtype), shape)

    if len(shapes) == 1:
        return {names[0]: made(next(iter(shapes.values())))}
    return {name.removesuffix("_shape"): made(shape) for name, shape in shapes.items()}


def flow_of(root: Any, arguments: Mapping[str, Any] | None) -> Flow:
    """Returns the data flow of a model or layer.

    Args:
        root: A model or layer that is built.
        arguments: Arguments of its `call`, symbolic; not needed for a Functional or Sequential model.

    Raises:
        Exception: Whatever the user's `call` raises when it is run on symbolic tensors.
    """
    flow = flow_of_graph(root)
    if flow is not None:
        return flow
    graph = _graph_of(root)
    tracer = _Tracer(root)
    with tracer:
        if graph is not None:
            given = symbolic(graph._inputs_struct)
            outputs = tracer.enter(root, (given,), {})
        else:
            given = dict(arguments or {})
            outputs = tracer.enter(root, (), given)
        _read(tracer.flow, _flat(outputs), [leaf for leaf in _flat(given) if hasattr(leaf, "shape")], set())
    return tracer.flow


def flow_of_graph(root: Any) -> Flow | None:
    """Returns the data flow of a model that has all of it in its graph: nothing is run. None for any other one."""
    graph = _graph_of(root)
    if graph is None or any(_taken_apart(operation) for operation in graph._operations):
        return None
    flow = Flow(entered=[root] if root is graph else [root, graph])
    _read(flow, graph._outputs, graph._inputs, {id(tensor) for tensor in graph._inputs})
    return flow


def _graph_of(layer: Any) -> Any | None:
    functional = importlib.import_module("keras.src.models.functional").Functional
    sequential = importlib.import_module("keras.src.models.sequential").Sequential
    if isinstance(layer, sequential) and type(layer).call is sequential.call:
        return layer._functional
    return layer if isinstance(layer, functional) and type(layer).call is functional.call else None


def _taken_apart(operation: Any) -> bool:
    """Says whether a layer is taken apart: it has parts, and Keras's own `call` does not hide them."""
    if not isinstance(operation, importlib.import_module("keras").Layer) or not operation._layers:
        return False
    return is_graph(operation) or own_call(operation)


def _flat(value: Any) -> list[Any]:
    return list(importlib.import_module("keras").tree.flatten(value))


class _Tracer:
    """Runs `call`s on symbolic tensors, and takes off what this adds to the layers."""

    def __init__(self, root: Any) -> None:
        self.flow = Flow()
        self._root = root
        self._depth = 0
        self._patches = Patches()
        self._before: dict[int, tuple[Any, int, int]] = {}

    def __enter__(self) -> _Tracer:
        layer = importlib.import_module("keras.src.layers.layer").Layer
        hush(self._patches)
        self._patches.replace(layer, "__call__", self._make, checked_on=_CHECKED)
        return self

    def __exit__(self, *exception: object) -> None:
        self._patches.undo()
        for layer, inbound, outbound in self._before.values():
            del layer._inbound_nodes[inbound:]
            del layer._outbound_nodes[outbound:]

    def enter(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Runs the `call` of a layer that is to be taken apart."""
        self.flow.entered.append(layer)
        graph = _graph_of(layer)
        self._depth += 1
        try:
            if graph is not None:
                return _run_graph(graph, args[0] if args else next(iter(kwargs.values())))
            if layer._call_has_training_arg:
                # What runs in training only is part of the model as well.
                names = list(inspect.signature(layer.call).parameters)
                if names.index("training") >= len(args):
                    kwargs = {**kwargs, "training": True}
            # Parts that are not built yet are built by this, under the names that a call gives them.
            with layer._open_name_scope():
                return layer.call(*args, **kwargs)
        finally:
            self._depth -= 1

    def _make(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            if self._depth == 1 and layer._call_has_training_arg and "training" not in kwargs:
                self.flow.without_training.append(layer)
            if _taken_apart(layer):
                entered = len(self.flow.entered)
                try:
                    return self.enter(layer, args, kwargs)
                except Exception as error:  # the user's `call` may do anything; the layer stays whole, and it is said
                    del self.flow.entered[entered:]
                    self.flow.failed.append((layer, error))
            if id(layer) not in self._before:
                self._before[id(layer)] = (layer, len(layer._inbound_nodes), len(layer._outbound_nodes))
            return original(layer, *args, **kwargs)

        return call


def _run_graph(graph: Any, inputs: Any) -> Any:
    """Runs the graph of a Functional model on symbolic tensors."""
    if isinstance(inputs, dict) and not isinstance(graph._inputs_struct, dict):
        inputs = [inputs[tensor.name] for tensor in graph._inputs]
    flat = _flat(inputs)
    if len(flat) != len(graph._inputs):
        raise ValueError(f"{graph.name} has {len(graph._inputs)} inputs and was called with {len(flat)}.")
    return graph._run_through_graph(flat, operation_fn=lambda operation: operation)


def _read(flow: Flow, outputs: list[Any], given: list[Any], stop: set[int]) -> None:
    """Copies the graph between `given` and `outputs` into `flow`; it ends at the tensors in `stop`."""
    numbers: dict[int, int] = {}
    keep = [*outputs, *given]  # a number stands for an object only as long as the object lives
    calls: dict[int, Call] = {}

    def number(tensor: Any) -> int:
        return numbers.setdefault(id(tensor), len(numbers))

    pending = [tensor for tensor in outputs if hasattr(tensor, "shape")]
    flow.outputs = tuple(number(tensor) for tensor in pending)
    seen: set[int] = set()
    while pending:
        tensor = pending.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        keep.append(tensor)
        flow.shapes[number(tensor)] = tuple(tensor.shape)
        operation, index, _ = getattr(tensor, "_keras_history", (None, 0, 0))
        if operation is None:
            continue
        node = operation._inbound_nodes[index]
        if id(tensor) in stop and not node.is_input:
            continue
        if id(node) not in calls:
            tensors = list(_in_order(node))
            constants = () if node.is_input else tuple(_constants(node))
            masks = frozenset(map(number, _masks(node)))
            calls[id(node)] = Call(operation, tuple(number(one) for one in tensors), constants, masks)
            pending.extend(tensors)
        flow.producers[number(tensor)] = calls[id(node)]
    flow.inputs = tuple(map(number, given))


def _in_order(node: Any) -> Iterator[Any]:
    """Yields the tensors that went into a node in the order of the parameters, named or not when it was called."""
    tensor = importlib.import_module("keras").KerasTensor
    try:
        bound = inspect.signature(node.operation.call).bind(*node.arguments.args, **node.arguments.kwargs)
    except TypeError:
        # Operations whose `call` takes something else than their `__call__`; the order in which they were given then.
        yield from node.arguments.keras_tensors
        return
    for value in bound.arguments.values():
        yield from (leaf for leaf in _flat(value) if isinstance(leaf, tensor))


def _bound(node: Any) -> dict[str, Any]:
    """Returns what a node was called with, by parameter."""
    given = node.arguments
    try:
        return dict(inspect.signature(node.operation.call).bind(*given.args, **given.kwargs).arguments)
    except TypeError:
        return {**dict(enumerate(given.args)), **given.kwargs}  # `call` takes something else than `__call__`


def _constants(node: Any) -> Iterator[Any]:
    """Yields what a node was called with, but for mode and mask; None is as good as not given."""
    tensor = importlib.import_module("keras").KerasTensor
    for name, value in _bound(node).items():
        if name in ("training", "mask"):
            continue
        for leaf in _flat(value):
            if isinstance(leaf, tensor):
                yield "tensor"
            elif leaf is not None:
                yield leaf


def _masks(node: Any) -> list[Any]:
    """Returns the masks of a node: Keras hands them on in the graph of a Functional model, and nowhere else."""
    tensor = importlib.import_module("keras").KerasTensor
    return [leaf for leaf in _flat(_bound(node).get("mask")) if isinstance(leaf, tensor)]
