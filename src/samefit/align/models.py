"""Named passes that pair layers and variables: never by value, always by what they are and when they run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from samefit.store.reader import Run
from samefit.store.records import LayerRecord, ModelRecord, VariableRecord
from samefit.types import Role

Layout = tuple[VariableRecord, ...]
Keys = Mapping[int, Any]
"""What layers are, by index: (class, roles and shapes of the own variables), in order of execution."""


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
        layers_only_in_a: Indices of the baseline's layers without a partner.
        layers_only_in_b: The same for the candidate.
    """

    pairs: tuple[tuple[int, int], ...]
    layers: tuple[tuple[int, int], ...]
    method: str
    confidence: str = "certain"
    note: str = ""
    only_in_a: tuple[int, ...] = ()
    only_in_b: tuple[int, ...] = ()
    layers_only_in_a: tuple[int, ...] = ()
    layers_only_in_b: tuple[int, ...] = ()


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

    Returns:
        The pairs. Layers are paired in order of execution, by class and shape; the pass is called "path" where that is
        also what the paths say. Equal paths alone prove nothing: auto-names may coincide and name other layers.
    """
    return align_layouts(model_a, layout_a, model_b, layout_b)


def align_layouts(model_a: ModelRecord, layout_a: Layout, model_b: ModelRecord, layout_b: Layout) -> Alignment:
    """Pairs the variables of two models; as `align_models`, without their runs."""
    matched = _align_layers(model_a, layout_a, model_b, layout_b)
    layers = matched.pairs
    pairs: list[tuple[int, int]] = []
    own_a, own_b = _owned(layout_a), _owned(layout_b)
    for i, j in layers:
        pairs += _within_layer(own_a.get(i, []), own_b.get(j, []), layout_a, layout_b)
    pairs += _within_layer(own_a.get(None, []), own_b.get(None, []), layout_a, layout_b)
    taken_a, taken_b = {i for i, _ in pairs}, {j for _, j in pairs}
    only_a = tuple(i for i in _weights(layout_a) if i not in taken_a)
    only_b = tuple(j for j in _weights(layout_b) if j not in taken_b)
    pairs += _slots(dict(pairs), layout_a, layout_b)
    method, note = "none" if not taken_a else "execution-order", matched.note
    same_paths = all(layout_a[i].path == layout_b[j].path for i, j in pairs[: len(taken_a)])
    if taken_a and not only_a and not only_b and same_paths and not note and model_a.order == model_b.order:
        method = "path"
    elif not note:
        note = _unseen_order(matched, model_a, model_b)
    return Alignment(
        tuple(pairs),
        layers,
        method,
        "ambiguous" if note else "certain",
        note,
        only_a,
        only_b,
        matched.only_a,
        matched.only_b,
    )


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


@dataclass(frozen=True)
class _Layers:
    """Layers of two models, paired; `repeated` are keys that several layers with variables of one model share."""

    pairs: tuple[tuple[int, int], ...]
    only_a: tuple[int, ...]
    only_b: tuple[int, ...]
    note: str
    repeated: frozenset[Any]


def _align_layers(model_a: ModelRecord, layout_a: Layout, model_b: ModelRecord, layout_b: Layout) -> _Layers:
    own_a, own_b = _owned(layout_a), _owned(layout_b)
    keys_a = {
        i: _key(layer, own_a.get(i, []), layout_a)
        for i, layer in enumerate(model_a.layers)
        if layer.is_leaf or i in own_a
    }
    keys_b = {
        j: _key(layer, own_b.get(j, []), layout_b)
        for j, layer in enumerate(model_b.layers)
        if layer.is_leaf or j in own_b
    }
    repeated = _repeated([keys_a[i] for i in keys_a if i in own_a]) | _repeated(
        [keys_b[j] for j in keys_b if j in own_b]
    )
    pairs = _diff(keys_a, keys_b)
    rest_a, rest_b = _rest(keys_a, keys_b, pairs)
    moved = repeated & ({keys_a[i] for i in rest_a if i in own_a} | {keys_b[j] for j in rest_b if j in own_b})
    # Layers that run at another place: branches that one side calls in another order.
    pairs += _in_turn(rest_a, rest_b)
    # Another chance without the class: a user's MyDense against Dense, where shapes and roles agree.
    rest_a, rest_b = _rest(keys_a, keys_b, pairs)
    pairs += _diff(
        {i: k[1:] for i, k in rest_a.items() if i in own_a}, {j: k[1:] for j, k in rest_b.items() if j in own_b}
    )
    # A last one for layers of one class with other shapes: they are what differs between the models.
    rest_a, rest_b = _rest(keys_a, keys_b, pairs)
    pairs += _diff({i: k[:1] for i, k in rest_a.items()}, {j: k[:1] for j, k in rest_b.items()})
    rest_a, rest_b = _rest(keys_a, keys_b, pairs)
    return _Layers(tuple(sorted(pairs)), tuple(rest_a), tuple(rest_b), _moved(moved), repeated)


def _repeated(keys: Sequence[Any]) -> frozenset[Any]:
    return frozenset(key for key, count in Counter(keys).items() if count > 1)


def _moved(keys: frozenset[Any]) -> str:
    if not keys:
        return ""
    classes = ", ".join(sorted({key[0] for key in keys}))
    return (
        f"layers of one kind ({classes}) do not run in the same places: they are paired in the order in which they run"
    )


def _unseen_order(matched: _Layers, model_a: ModelRecord, model_b: ModelRecord) -> str:
    # In a chain that was seen to run, layers of one kind are told apart by their turn; in a listing they are not.
    if not matched.repeated or (model_a.order == "execution" and model_b.order == "execution"):
        return ""
    return "layers of one kind run in no order that was seen: they are paired as they are listed"


def _rest(keys_a: Keys, keys_b: Keys, pairs: Sequence[tuple[int, int]]) -> tuple[Keys, Keys]:
    done_a, done_b = {i for i, _ in pairs}, {j for _, j in pairs}
    return {i: k for i, k in keys_a.items() if i not in done_a}, {j: k for j, k in keys_b.items() if j not in done_b}


def _in_turn(rest_a: Keys, rest_b: Keys) -> list[tuple[int, int]]:
    """Pairs layers of equal keys, the first with the first, wherever they stand."""
    waiting: dict[Any, list[int]] = {}
    for j, key in rest_b.items():
        waiting.setdefault(key, []).append(j)
    return [(i, waiting[key].pop(0)) for i, key in rest_a.items() if waiting.get(key)]


def _key(layer: LayerRecord, positions: Sequence[int], layout: Layout) -> tuple[Any, ...]:
    shapes = tuple((layout[i].role.value, layout[i].shape) for i in positions if layout[i].role is not Role.SEED)
    return (layer.class_name, shapes)


def _diff(keys_a: Keys, keys_b: Keys) -> list[tuple[int, int]]:
    index_a, index_b = list(keys_a), list(keys_b)
    matcher = SequenceMatcher(None, list(keys_a.values()), list(keys_b.values()), autojunk=False)
    return [
        (index_a[block.a + k], index_b[block.b + k])
        for block in matcher.get_matching_blocks()
        for k in range(block.size)
    ]


def _slots(partner: dict[int, int], a: Layout, b: Layout) -> list[tuple[int, int]]:
    places: dict[tuple[str, str | None, int | None], list[int]] = {}
    for j, variable in enumerate(b):
        if variable.role is Role.OPTIMIZER:
            places.setdefault((variable.holder, variable.slot, variable.slot_of), []).append(j)
    pairs = []
    for i, variable in enumerate(a):
        if variable.role is not Role.OPTIMIZER:
            continue
        of = None if variable.slot_of is None else partner.get(variable.slot_of, -1)
        found = places.get((variable.holder, variable.slot, of))
        if found:
            pairs.append((i, found.pop(0)))
    return pairs
