"""Which layer of one data flow is which of another: by what layers are and what flows where, never by value or name.

Nodes are coloured by what they are and then, again and again, by the colours of what flows in and out of them, until no
colour splits any more. Two data flows that are the same have the same colours, in whatever order anybody wrote, ran or
named them. Where they are not, passes that ask for less and less pair what is left.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from samefit.align.models import align_layouts
from samefit.store.probes import GraphRecord, Probe
from samefit.store.records import LayerRecord
from samefit.types import Role

COMMUTATIVE = frozenset({"add", "multiply", "average", "maximum", "minimum"})
"""Layers and operations whose result does not depend on the order of their inputs (names in lower case)."""

_NOT_OPTIONS = frozenset({"name", "trainable", "dtype", "registered_name", "module", "build_config", "seed"})

Pairs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class GraphAlignment:
    """Which part of the baseline is which of the candidate.

    Attributes:
        nodes: Pairs of nodes.
        layers: Pairs of layers, each layer once at most.
        variables: Pairs of variables.
        method: "data-flow" if the two flows are the same, "in-part" if only parts of them are, "execution-order" if
            a data flow could not be read.
        confidence: "certain" or "ambiguous".
        note: Why it is ambiguous, or "".
        only_in_a: Variables without a partner, seeds left out.
        only_in_b: The same for the candidate.
    """

    nodes: Pairs
    layers: Pairs
    variables: Pairs
    method: str
    confidence: str = "certain"
    note: str = ""
    only_in_a: tuple[int, ...] = ()
    only_in_b: tuple[int, ...] = ()


def align_probes(a: Probe, b: Probe) -> GraphAlignment:
    """Pairs nodes, layers and variables of two models."""
    nodes, method, note = _align_nodes(a, b)
    layers: dict[int, int] = {}
    taken: set[int] = set()

    def pair(i: int | None, j: int | None) -> None:
        if i is not None and j is not None and i not in layers and j not in taken:
            layers[i] = j
            taken.add(j)

    for n, m in nodes:
        one, other = a.graph.nodes[n], b.graph.nodes[m]
        pair(one.layer, other.layer)
        for i, j in _in_turn(one.parts, other.parts, lambda i: _kind(a, i), lambda j: _kind(b, j)):
            pair(i, j)
    if not nodes:
        listed = align_layouts(a.model, a.variables, b.model, b.variables)
        layers = dict(listed.layers)
        method, note = "execution-order" if listed.method != "none" else "none", listed.note
    else:
        # What the data flow does not show: the user's composites, and layers that do not run.
        rest_a = [i for i in range(len(a.model.layers)) if i not in layers and not _runs(a.graph, i)]
        rest_b = [j for j in range(len(b.model.layers)) if j not in taken and not _runs(b.graph, j)]
        for i, j in _in_turn(rest_a, rest_b, lambda i: _kind(a, i), lambda j: _kind(b, j)):
            pair(i, j)
    found = tuple(sorted(layers.items()))
    variables = _variables(a, b, found)
    paired_a, paired_b = {i for i, _ in variables}, {j for _, j in variables}
    return GraphAlignment(
        nodes,
        found,
        variables,
        method if variables or nodes else "none",
        "ambiguous" if note else "certain",
        note,
        tuple(i for i, v in enumerate(a.variables) if i not in paired_a and v.role is not Role.SEED),
        tuple(j for j, v in enumerate(b.variables) if j not in paired_b and v.role is not Role.SEED),
    )


# -- nodes ------------------------------------------------------------------------------------------------------------


def _align_nodes(a: Probe, b: Probe) -> tuple[Pairs, str, str]:
    if not a.graph.nodes or not b.graph.nodes:
        return (), "none", ""
    for detail in (_with_options, _with_shapes):
        one, other = _colours(a, detail), _colours(b, detail)
        if Counter(one) == Counter(other):
            return _same_colours(a, one, b, other), "data-flow", _interchangeable(a, _colours(a, _with_options))
    return _in_part(a, b), "in-part", ""


def _same_colours(a: Probe, one: Sequence[Any], b: Probe, other: Sequence[Any]) -> Pairs:
    """Pairs nodes of one colour; of several, those with equal options first."""
    exact_a = [(colour, _with_options(a, n)) for n, colour in enumerate(one)]
    exact_b = [(colour, _with_options(b, m)) for m, colour in enumerate(other)]
    pairs = _in_turn(_all(a), _all(b), lambda n: exact_a[n], lambda m: exact_b[m])
    done_a, done_b = {n for n, _ in pairs}, {m for _, m in pairs}
    left_a, left_b = [n for n in _all(a) if n not in done_a], [m for m in _all(b) if m not in done_b]
    return tuple(sorted([*pairs, *_in_turn(left_a, left_b, lambda n: one[n], lambda m: other[m])]))


def _in_part(a: Probe, b: Probe) -> Pairs:
    """Pairs nodes of two data flows that are not the same, in passes that ask for less and less."""
    pairs: list[tuple[int, int]] = []
    left_a, left_b = list(range(len(a.graph.nodes))), list(range(len(b.graph.nodes)))

    def keep(found: Sequence[tuple[int, int]]) -> None:
        pairs.extend(found)
        for n, m in found:
            left_a.remove(n)
            left_b.remove(m)

    def by(key_a: Sequence[Any], key_b: Sequence[Any], *, in_order: bool) -> None:
        pick = _longest if in_order else _in_turn
        keep(pick(left_a, left_b, lambda n: key_a[n], lambda m: key_b[m]))

    # All that comes before is the same; then the same thing at the same place; then anywhere; then of one kind.
    by(_upstream(a, _with_options), _upstream(b, _with_options), in_order=False)
    for detail in (_with_options, _with_shapes):
        by([detail(a, n) for n in _all(a)], [detail(b, m) for m in _all(b)], in_order=True)
        by([detail(a, n) for n in _all(a)], [detail(b, m) for m in _all(b)], in_order=False)
    by([_weights_only(a, n) for n in _all(a)], [_weights_only(b, m) for m in _all(b)], in_order=True)
    by([_class(a, n) for n in _all(a)], [_class(b, m) for m in _all(b)], in_order=True)
    return tuple(sorted(pairs))


def _all(probe: Probe) -> range:
    return range(len(probe.graph.nodes))


def _longest(
    left: Sequence[int], right: Sequence[int], key_a: Callable[[int], Any], key_b: Callable[[int], Any]
) -> list[tuple[int, int]]:
    matcher = SequenceMatcher(None, [key_a(n) for n in left], [key_b(m) for m in right], autojunk=False)
    return [
        (left[block.a + k], right[block.b + k]) for block in matcher.get_matching_blocks() for k in range(block.size)
    ]


def _in_turn(
    left: Sequence[int], right: Sequence[int], key_a: Callable[[int], Any], key_b: Callable[[int], Any]
) -> list[tuple[int, int]]:
    """Pairs what has equal keys, the first with the first; None is no key."""
    waiting: dict[Any, list[int]] = {}
    for m in right:
        waiting.setdefault(key_b(m), []).append(m)
    return [(n, waiting[key].pop(0)) for n in left if (key := key_a(n)) is not None and waiting.get(key)]


# -- what a node is ---------------------------------------------------------------------------------------------------


def _with_options(probe: Probe, n: int) -> Any:
    node = probe.graph.nodes[n]
    config = node.config if node.layer is None else _options(probe.model.layers[node.layer].config)
    parts = tuple(_kind(probe, part) for part in node.parts)
    text = json.dumps([config, node.constants], sort_keys=True, default=str)
    return (_class(probe, n), _shapes(probe, node.layer), parts, text)


def _with_shapes(probe: Probe, n: int) -> Any:
    node = probe.graph.nodes[n]
    return (_class(probe, n), _shapes(probe, node.layer), tuple(_kind(probe, part) for part in node.parts))


def _weights_only(probe: Probe, n: int) -> Any:
    # A user's own Dense against Keras's: the shapes and roles of what it owns.
    shapes = _shapes(probe, probe.graph.nodes[n].layer)
    return shapes or ("no weights", n, probe.target)


def _class(probe: Probe, n: int) -> str:
    # `layers.ReLU()` and `ops.relu`, `layers.Add()` and `+` are one thing.
    return probe.graph.nodes[n].class_name.lower()


def _kind(probe: Probe, layer: int) -> Any:
    return (probe.model.layers[layer].class_name, _shapes(probe, layer))


def _shapes(probe: Probe, layer: int | None) -> tuple[Any, ...]:
    if layer is None:
        return ()
    own = sorted(
        (v.index_in_layer or 0, v.role.value, v.shape)
        for v in probe.variables
        if v.layer == layer and v.role is not Role.SEED
    )
    return tuple((role, shape) for _, role, shape in own)


def _options(config: Any) -> Any:
    """Returns a configuration without names and seeds, all the way down."""
    if isinstance(config, Mapping):
        return {key: _options(value) for key, value in config.items() if key not in _NOT_OPTIONS}
    if isinstance(config, (list, tuple)):
        return [_options(value) for value in config]
    return config


def _runs(graph: GraphRecord, layer: int) -> bool:
    return any(node.layer == layer for node in graph.nodes)


# -- colours ----------------------------------------------------------------------------------------------------------


def _upstream(probe: Probe, detail: Callable[[Probe, int], Any]) -> list[Any]:
    """Colours each node by all that flows into it."""
    return _refined(probe, detail, downstream=False)


def _colours(probe: Probe, detail: Callable[[Probe, int], Any]) -> list[Any]:
    """Colours each node by its place in the whole data flow."""
    return _refined(probe, detail, downstream=True)


def _refined(probe: Probe, detail: Callable[[Probe, int], Any], *, downstream: bool) -> list[Any]:
    graph = probe.graph
    producer = {tensor: (n, k) for n, node in enumerate(graph.nodes) for k, tensor in enumerate(node.outputs)}
    given = {tensor: position for position, tensor in enumerate(graph.inputs)}
    consumers: dict[int, list[tuple[int, int]]] = {}
    for n, node in enumerate(graph.nodes):
        for position, tensor in enumerate(node.inputs):
            unordered = _class(probe, n) in COMMUTATIVE
            consumers.setdefault(tensor, []).append((n, -1 if unordered else position))
    returned: dict[int, list[int]] = {}
    for position, tensor in enumerate(graph.outputs):
        returned.setdefault(tensor, []).append(position)
    # A layer that runs twice is one: its calls carry the colours of each other.
    calls: dict[int, list[int]] = {}
    for n, node in enumerate(graph.nodes):
        if node.layer is not None:
            calls.setdefault(node.layer, []).append(n)

    def source(tensor: int, colours: Sequence[int]) -> Any:
        if tensor in producer:
            n, k = producer[tensor]
            return ("node", colours[n], k)
        return ("input", given.get(tensor, -1), 0)

    colours = [_hash(detail(probe, n)) for n in _all(probe)]
    kinds = len(set(colours))
    while True:
        refined = []
        for n, node in enumerate(graph.nodes):
            into = [source(tensor, colours) for tensor in node.inputs]
            if _class(probe, n) in COMMUTATIVE:
                into.sort()
            out = [
                [*sorted((colours[m], at) for m, at in consumers.get(tensor, ())), returned.get(tensor, [])]
                for tensor in node.outputs
            ]
            together = calls.get(node.layer, []) if node.layer is not None else []
            # An operation and a layer that runs once are one thing.
            shared = sorted(colours[m] for m in together) if len(together) > 1 else []
            refined.append(_hash((colours[n], into, (out, shared) if downstream else ())))
        colours = refined
        if len(set(colours)) == kinds:
            break
        kinds = len(set(colours))
    return colours


def _hash(value: Any) -> int:
    import xxhash

    # Not `hash`, which differs from process to process.
    return int(xxhash.xxh3_64_intdigest(repr(value).encode()))


def _interchangeable(probe: Probe, colours: Sequence[int]) -> str:
    """Returns what is ambiguous: layers with weights that are alike in all they are and in all their surroundings."""
    owners: dict[int, set[int]] = {}
    for n, colour in enumerate(colours):
        layer = probe.graph.nodes[n].layer
        if layer is not None and any(v.layer in (layer, *probe.graph.nodes[n].parts) for v in probe.variables):
            owners.setdefault(colour, set()).add(layer)
    alike = sorted({layer for layers in owners.values() if len(layers) > 1 for layer in layers})
    if not alike:
        return ""
    names = ", ".join(_name(probe.model.layers[i]) for i in alike[:4]) + (", …" if len(alike) > 4 else "")
    return f"{names} are built alike and can be exchanged: they are paired in canonical order"


def _name(layer: LayerRecord) -> str:
    return layer.name


# -- variables --------------------------------------------------------------------------------------------------------


def _variables(a: Probe, b: Probe, layers: Pairs) -> Pairs:
    own_a, own_b = _owned(a), _owned(b)
    pairs: list[tuple[int, int]] = []
    for i, j in [*layers, (None, None)]:
        left = list(own_b.get(j, ()))
        for v in own_a.get(i, ()):
            one = a.variables[v]
            match = next(
                (w for w in left if b.variables[w].role is one.role and b.variables[w].shape == one.shape), None
            )
            if match is not None:
                pairs.append((v, match))
                left.remove(match)
    return tuple(sorted(pairs))


def _owned(probe: Probe) -> dict[int | None, list[int]]:
    owned: dict[int | None, list[int]] = {}
    for position, variable in enumerate(probe.variables):
        owned.setdefault(variable.layer, []).append(position)
    for positions in owned.values():
        positions.sort(key=lambda p: (probe.variables[p].index_in_layer or 0, p))
    return owned
