"""Which layers of the two models are looked at together."""

from __future__ import annotations

from samefit.explain.case import Case
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
