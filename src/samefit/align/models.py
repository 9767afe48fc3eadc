"""Named passes that pair layers and variables: never by value, always by what they are and when they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from samefit.store.reader import Run
from samefit.store.records import LayerRecord, ModelRecord, VariableRecord
from samefit.types import Role

Layout = tuple[VariableRecord, ...]


@dataclass(frozen=True)
class Alignment:
    """Which variable of the baseline is which of the candidate.

    Attributes:
        pairs: (position in the baseline's layout, position in the candidate's), model variables first, in execution
            order.
        layers: (index, index) of layers.
        method: "path", "execution-order" or "none".
        confidence: "certain" or "ambiguous".
        note: Why it is ambiguous, or "".
        only_in_a: Positions of model variables without a partner.
        only_in_b: The same for the candidate.
    """

    pairs: tuple[tuple[int, int], ...]
    layers: tuple[tuple[int, int], ...]
    method: str
    confidence: str = "certain"
    note: str = ""
    only_in_a: tuple[int, ...] = ()
    only_in_b: tuple[int, ...] = ()


def align_models(
    run_a: Run, model_a: ModelRecord, layout_a: Layout, run_b: Run, model_b: ModelRecord, layout_b: Layout
) -> Alignment:
    """Pairs the variables of two trainings.

    Args:
        run_a: The baseline's run.
        model_a: Its model.
        layout_a: Its variables.
        run_b: The candidate's run.
        model_b: Its model.
        layout_b: Its variables.
    """
    layers, certain = _align_layers(model_a, layout_a, model_b, layout_b)
    pairs: list[tuple[int, int]] = []
    own_a, own_b = _owned(layout_a), _owned(layout_b)
    for i, j in layers:
        pairs += _within_layer(own_a.get(i, []), own_b.get(j, []), layout_a, layout_b)
    pairs += _within_layer(own_a.get(None, []), own_b.get(None, []), layout_a, layout_b)
    taken_a, taken_b = {i for i, _ in pairs}, {j for _, j in pairs}
    only_a = tuple(i for i in _weights(layout_a) if i not in taken_a)
    only_b = tuple(j for j in _weights(layout_b) if j not in taken_b)
    pairs += _slots(dict(pairs), layout_a, layout_b)
    method = "none" if not taken_a else "execution-order"
    if taken_a and not only_a and not only_b and all(layout_a[i].path == layout_b[j].path for i, j in pairs[: len(taken_a)]):
        method = "path"
    note = "" if certain else "layers of one kind run in no order that was seen: they are paired as they are listed"
    return Alignment(tuple(pairs), layers, method, "certain" if certain else "ambiguous", note, only_a, only_b)


def _weights(layout: Layout) -> list[int]:
    return [i for i, v in enumerate(layout) if v.role in (Role.TRAINABLE, Role.NON_TRAINABLE)]


def _owned(layout: Layout) -> dict[int | None, list[int]]:
    owned: dict[int | None, list[int]] = {}
    for i, variable in enumerate(layout):
        if variable.role is not Role.OPTIMIZER:
            owned.setdefault(variable.layer, []).append(i)
    for positions in owned.values():
        positions.sort(key=lambda i: (layout[i].index_in_layer is None, layout[i].index_in_layer or 0, i))
    return owned


def _within_layer(first: Sequence[int], second: Sequence[int], a: Layout, b: Layout) -> list[tuple[int, int]]:
    """Pairs the variables of two layers by role and shape, in order."""
    pairs = []
    left = list(second)
    for i in first:
        match = next((j for j in left if b[j].role is a[i].role and b[j].shape == a[i].shape), None)
        if match is not None:
            pairs.append((i, match))
            left.remove(match)
    return pairs


def _align_layers(
    model_a: ModelRecord, layout_a: Layout, model_b: ModelRecord, layout_b: Layout
) -> tuple[tuple[tuple[int, int], ...], bool]:
    own_a, own_b = _owned(layout_a), _owned(layout_b)
    keep_a = [i for i, layer in enumerate(model_a.layers) if layer.is_leaf or i in own_a]
    keep_b = [j for j, layer in enumerate(model_b.layers) if layer.is_leaf or j in own_b]
    keys_a = [_key(model_a.layers[i], own_a.get(i, []), layout_a) for i in keep_a]
    keys_b = [_key(model_b.layers[j], own_b.get(j, []), layout_b) for j in keep_b]
    pairs = _diff(keys_a, keys_b, keep_a, keep_b)
    # A second chance without the class: a user's MyDense against Dense, where shapes and roles agree.
    done_a, done_b = {i for i, _ in pairs}, {j for _, j in pairs}
    rest_a = [i for i in keep_a if i not in done_a and i in own_a]
    rest_b = [j for j in keep_b if j not in done_b and j in own_b]
    pairs += _diff(
        [_key(model_a.layers[i], own_a[i], layout_a)[1:] for i in rest_a],
        [_key(model_b.layers[j], own_b[j], layout_b)[1:] for j in rest_b], rest_a, rest_b,
    )
    # A third one for layers of one class with other shapes: they are what differs between the models.
    done_a, done_b = {i for i, _ in pairs}, {j for _, j in pairs}
    rest_a, rest_b = [i for i in keep_a if i not in done_a], [j for j in keep_b if j not in done_b]
    pairs += _diff(
        [(model_a.layers[i].class_name,) for i in rest_a], [(model_b.layers[j].class_name,) for j in rest_b], rest_a, rest_b
    )
    seen = model_a.order == "execution" and model_b.order == "execution"
    repeated = len(set(keys_a)) < len(keys_a)
    return tuple(sorted(pairs)), seen or not repeated or keys_a == keys_b


def _key(layer: LayerRecord, positions: Sequence[int], layout: Layout) -> tuple[Any, ...]:
    shapes = tuple((layout[i].role.value, layout[i].shape) for i in positions if layout[i].role is not Role.SEED)
    return (layer.class_name, shapes)


def _diff(
    keys_a: Sequence[Any], keys_b: Sequence[Any], index_a: Sequence[int], index_b: Sequence[int]
) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, keys_a, keys_b, autojunk=False)
    return [
        (index_a[block.a + k], index_b[block.b + k]) for block in matcher.get_matching_blocks() for k in range(block.size)
    ]


def _slots(partner: dict[int, int], a: Layout, b: Layout) -> list[tuple[int, int]]:
    places: dict[tuple[str | None, int | None], list[int]] = {}
    for j, variable in enumerate(b):
        if variable.role is Role.OPTIMIZER:
            places.setdefault((variable.slot, variable.slot_of), []).append(j)
    pairs = []
    for i, variable in enumerate(a):
        if variable.role is not Role.OPTIMIZER:
            continue
        of = None if variable.slot_of is None else partner.get(variable.slot_of, -1)
        found = places.get((variable.slot, of))
        if found:
            pairs.append((i, found.pop(0)))
    return pairs
