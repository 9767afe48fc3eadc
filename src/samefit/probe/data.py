"""The data of the passes: made from what a model says of its inputs, or given by the user; the same on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samefit.backends.base import Array
from samefit.errors import NoModelError
from samefit.patches import dataflow

ROWS = 4
_SEED = 20577
_UNKNOWN = 8
_UNKNOWN_IMAGE = 32
"""Sizes that a model leaves open: an axis of a sequence, and one of an image (rank 4 and more), in elements."""


@dataclass(frozen=True)
class Data:
    """What goes into a model.

    Attributes:
        structure: Nested lists and dicts whose leaves are numbers of `arrays`.
        arrays: The inputs; axis 0 is the sample.
        targets: The targets, if the user gave any.
        targets_structure: The same as `structure`, for `targets`.
    """

    structure: Any
    arrays: tuple[Array, ...]
    targets: tuple[Array, ...] = ()
    targets_structure: Any = None

    def inputs(self, convert: Any) -> Any:
        """Returns the inputs as a model gets them, each array handed through `convert`."""
        return _filled(self.structure, [convert(array) for array in self.arrays])

    def wanted(self, convert: Any) -> Any:
        """Returns the targets likewise."""
        return _filled(self.targets_structure, [convert(array) for array in self.targets])


def given(x: Any, y: Any = None) -> Data:
    """Returns the user's own data; at most `ROWS` samples of it, so that large data costs nothing."""
    structure, arrays = _split(x)
    targets_structure, targets = (None, []) if y is None else _split(y)
    return Data(structure, tuple(a[:ROWS] for a in arrays), tuple(a[:ROWS] for a in targets), targets_structure)


def as_split(x: Any, y: Any) -> tuple[Any, Sequence[Array], Sequence[Array], Any]:
    """Returns `given(x, y)` as the tuple that another process can be handed."""
    data = given(x, y)
    return data.structure, data.arrays, data.targets, data.targets_structure


def made_for(model: Any, shapes: Sequence[str]) -> Data:
    """Returns data for a model: normal numbers, and for integers and booleans every value that it takes.

    Args:
        model: The model; one that is not built says nothing of its inputs.
        shapes: What the user said of the inputs, in order: "28,28,1" or "16:int32", without the axis of samples.

    Raises:
        NoModelError: If neither model nor user says what the inputs are.
    """
    spec = _stated(shapes) or _of_graph(model) or _of_build(model)
    if spec is None:
        raise NoModelError(
            f"{type(model).__name__} is not built and does not say what its inputs are: give --input-shape 28,28,1 "
            "(without the axis of samples; once for each input), or call the model in your function."
        )
    random = np.random.default_rng(_SEED)
    highest = _highest_index(model)
    structure, leaves = _numbered(spec)
    masked = _mask_value(model)
    return Data(structure, tuple(_array(random, shape, dtype, highest, masked) for shape, dtype in leaves))


def fitted(data: Data, model: Any) -> Data:
    """Returns the baseline's data in the form in which the candidate takes it: by order where the names differ."""
    spec = _of_graph(model)
    if spec is None:
        return data
    structure, leaves = _numbered(spec)
    if len(leaves) != len(data.arrays):
        return data
    return Data(structure, data.arrays, data.targets, data.targets_structure)


def _stated(shapes: Sequence[str]) -> Any:
    specs = [_parsed(shape) for shape in shapes]
    return None if not specs else specs[0] if len(specs) == 1 else specs


class Leaf(tuple[tuple[int | None, ...], str]):
    """Shape (without the axis of samples) and dtype of one input: no list, so that it is a leaf of the structure."""


def _parsed(text: str) -> Leaf:
    shape, _, dtype = text.partition(":")
    try:
        sizes = tuple(None if size.strip() == "None" else int(size) for size in shape.split(",") if size.strip())
        np.dtype(dtype or "float32")
    except (ValueError, TypeError) as error:
        raise NoModelError(f"'{text}' is not an input shape, such as 28,28,1 or 16:int32.") from error
    return Leaf((sizes, dtype or "float32"))


def _of_graph(model: Any) -> Any:
    struct = dataflow.inputs_of_graph(model)
    return None if struct is None else _map(struct, lambda one: Leaf((tuple(one.shape)[1:], str(one.dtype))))


def _of_build(model: Any) -> Any:
    arguments = dataflow.arguments_from_build(model) if model.built else None
    if not arguments:
        return None
    first = next(iter(arguments.values()))
    return _map(first, lambda one: Leaf((tuple(one.shape)[1:], str(one.dtype))))


def _highest_index(model: Any) -> int:
    """Returns the number of indices that all embeddings of a model know."""
    sizes = [
        layer.input_dim
        for layer in _all_layers(model)
        if isinstance(getattr(layer, "input_dim", None), int) and type(layer).__name__.endswith("Embedding")
    ]
    return min(sizes, default=2)


def _all_layers(layer: Any) -> list[Any]:
    children = dataflow.sublayers(layer)
    return [*children, *(inner for child in children for inner in _all_layers(child))]


def _mask_value(model: Any) -> Any:
    """Returns the value that a `Masking` layer of a model takes for padding; None if it has none."""
    values = (getattr(layer, "mask_value", None) for layer in _all_layers(model) if type(layer).__name__ == "Masking")
    return next(values, None)


def _array(
    random: np.random.Generator, shape: Sequence[int | None], dtype: str, highest: int, masked: Any = None
) -> Array:
    unknown = _UNKNOWN_IMAGE if len(shape) >= 3 else _UNKNOWN
    sizes = (ROWS, *(unknown if size is None else size for size in shape))
    if dtype == "bool":
        return random.integers(0, 2, sizes).astype(bool)
    if "int" in dtype:
        return _padded(random.integers(0, highest, sizes).astype(dtype), 0)
    if dtype == "string":
        raise NoModelError("samefit makes no texts: give the data as x= (in Python), or as numbers of words.")
    normal = random.standard_normal(sizes, dtype=np.float32)
    made = normal.astype(dtype if dtype in ("float16", "float64") else "float32")
    return made if masked is None or len(shape) != 2 else _padded(made, masked)


def _padded(array: Array, value: Any) -> Array:
    """Ends the first sample as padded sequences end, so that a mask that is lost shows."""
    if array.ndim >= 2 and array.shape[1] > 1:
        array[0, -(array.shape[1] // 2) :] = value
    return array


def _map(value: Any, function: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _map(item, function) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not isinstance(value, Leaf):
        return [_map(item, function) for item in value]
    return function(value)


def _numbered(spec: Any) -> tuple[Any, list[Any]]:
    """Returns the structure with the numbers of its leaves, and the leaves; names in alphabetical order, as Keras."""
    leaves: list[Any] = []

    def visit(value: Any) -> Any:
        if isinstance(value, Mapping):
            numbers = {key: visit(value[key]) for key in sorted(value)}
            return {key: numbers[key] for key in value}
        if isinstance(value, (list, tuple)) and not isinstance(value, Leaf):
            return [visit(item) for item in value]
        leaves.append(value)
        return len(leaves) - 1

    return visit(spec), leaves


def _split(value: Any) -> tuple[Any, list[Array]]:
    structure, leaves = _numbered(value)
    return structure, [np.asarray(leaf) for leaf in leaves]


def _filled(structure: Any, leaves: Sequence[Any]) -> Any:
    return _map(structure, lambda number: leaves[number])
