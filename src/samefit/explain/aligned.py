"""Which layers of the two models are looked at together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.explain.case import Case
from samefit.explain.options import bare, differing_options
from samefit.store.records import LayerRecord


def aligned_layers(case: Case) -> list[tuple[LayerRecord, LayerRecord]]:
    """Returns the layers of both sides that stand for each other, in the baseline's order."""
    pairs = [*case.alignment.layers, *without_weights_in_common(case)]
    return [(case.a.model.layers[i], case.b.model.layers[j]) for i, j in sorted(pairs)]


def without_weights_in_common(case: Case) -> list[tuple[int, int]]:
    """Returns the places of layers that pair by class and name, and by no variable: a stateful one has some more."""
    paired = {i for i, _ in case.alignment.layers}, {j for _, j in case.alignment.layers}
    alone = {*case.alignment.layers_only_in_a}, {*case.alignment.layers_only_in_b}
    rest = [(layer.class_name, layer.name, j) for j, layer in enumerate(case.b.model.layers) if j not in paired[1]]
    return [
        (i, j)
        for i, layer in enumerate(case.a.model.layers)
        if i not in paired[0]
        for class_name, name, j in rest
        if (class_name, name) == (layer.class_name, layer.name) and (i in alone[0] or j in alone[1])
    ]


def holders(case: Case) -> list[tuple[LayerRecord, LayerRecord]]:
    """Returns layers that hold others and no variable of their own, paired.

    They are no part of an alignment, which pairs what has variables or holds nothing. Those of one class pair in order,
    where both sides have as many of them.
    """
    paired = {i for i, _ in case.alignment.layers}, {j for _, j in case.alignment.layers}
    by_class: tuple[dict[str, list[LayerRecord]], ...] = ({}, {})
    for found, layers, known in zip(by_class, (case.a.model.layers, case.b.model.layers), paired, strict=True):
        for i, layer in enumerate(layers):
            if not layer.is_leaf and i not in known:
                found.setdefault(layer.class_name, []).append(layer)
    first, second = by_class
    same = [name for name, layers in first.items() if len(layers) == len(second.get(name, ()))]
    return [pair for name in same for pair in zip(first[name], second[name], strict=True)]


def around_others(
    case: Case, said: set[str]
) -> Iterator[tuple[LayerRecord, LayerRecord, Mapping[str, tuple[Any, Any]]]]:
    """Yields layers that hold others and no variable of their own (an LSTM around its cell), with what differs in them.

    See `holders`.

    Args:
        case: The case.
        said: Options that differ in other layers: these hand them on to what they hold.
    """
    classes = {layer.class_name for layers in (case.a.model.layers, case.b.model.layers) for layer in layers}
    for a, b in holders(case):
        own = {
            name: values
            for name, values in differing_options(a.config, b.config).items()
            # What differs in a seed alone is the seed of what they hold.
            if name not in {*said, "seed"}
            and bare(values[0], seeds=False) != bare(values[1], seeds=False)
            and not any(_holds_layers(value, classes) for value in values)
        }
        if own:
            yield a, b, own


def _holds_layers(value: Any, classes: set[str]) -> bool:
    """Whether an option is a layer of the model, or a list of such: they have records of their own."""
    if isinstance(value, (list, tuple)):
        return any(_holds_layers(item, classes) for item in value)
    return isinstance(value, Mapping) and value.get("class_name") in classes
