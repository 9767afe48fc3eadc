"""What differs between two models as they are written: structure, options, what is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samefit.align.graphs import COMMUTATIVE, GraphAlignment
from samefit.align.models import Alignment
from samefit.comparison.model_passes import BACKWARD, masked
from samefit.comparison.result import SettingDifference
from samefit.comparison.settings import layer_differences
from samefit.comparison.values import same_value
from samefit.store.probes import ARRAY, NodeRecord, Probe
from samefit.store.records import LayerRecord
from samefit.types import Location, Role


def structure_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields what is not the same in the data flow: what runs, on what, and how often."""
    flow = _Flow(a, b, alignment)
    yield from flow.without_partner()
    yield from flow.shared()
    yield from flow.inputs_of_nodes()
    yield from flow.ends()
    yield from flow.operations()
    yield from _weights_without_partner(a, b, alignment)


def option_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields options of paired layers that are not the same, `trainable` and dtype included."""
    runs = {node.layer for node in a.graph.nodes} or None
    pairs = tuple(
        (i, j)
        for i, j in alignment.layers
        # Parts of a layer of Keras's say again what the layer says; a container says what its parts say.
        if runs is None or i in runs
    )
    listed = Alignment(pairs=(), layers=pairs, method="none")
    yield from layer_differences(a.model, b.model, listed)
    for i, j in pairs:
        one, other = a.model.layers[i], b.model.layers[j]
        if one.trainable != other.trainable and (_has_weights(a, i) or _has_weights(b, j)):
            yield SettingDifference("layer", f"{other.name}.trainable", one.trainable, other.trainable, other.location)
    yield from _trained(a, b, alignment)


def _trained(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields weights that one side trains and the other does not, where no layer's `trainable` says so."""
    backward = next((name for name in BACKWARD if all(f"{name}/loss" in probe.digests for probe in (a, b))), None)
    for i, j in alignment.variables if backward is not None else ():
        one, other = a.variables[i], b.variables[j]
        flags = [
            None if v.layer is None else probe.model.layers[v.layer].trainable for probe, v in ((a, one), (b, other))
        ]
        trained = [f"{backward}/gradient/{k}" in probe.digests for probe, k in ((a, i), (b, j))]
        if trained[0] != trained[1] and flags[0] == flags[1]:
            where = _place(b, other.layer)
            yield SettingDifference("layer", f"{other.path}.trainable", trained[0], trained[1], where)


def own_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields attributes and methods of paired layers of the user's own classes that are not the same."""
    for i, j in alignment.layers:
        one, other = a.model.layers[i], b.model.layers[j]
        if one.class_name != other.class_name:
            continue
        for name in sorted({*one.attributes} & {*other.attributes}):
            values = [layer.attributes[name] for layer in (one, other)]
            if all(isinstance(value, Mapping) and "code" in value for value in values):
                # Where a method stands says nothing of what it does.
                if values[0]["code"] != values[1]["code"]:
                    where = [f"line {at['line']} of {Path(at['file']).name}" for at in (v["name"] for v in values)]
                    yield SettingDifference("layer", f"{other.name}: {name}", where[0], where[1], other.location)
            elif not same_value(values[0], values[1]):
                yield SettingDifference("layer", f"{other.name}.{name}", values[0], values[1], other.location)


def array_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields arrays that paired operations were called with and that hold other values.

    An array may have been computed from weights, while the model was built: it may differ where these were drawn.
    """
    return _Flow(a, b, alignment).arrays()


def mask_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    """Yields layers that a mask reached on one side only."""
    for i, j in alignment.layers:
        one, other = masked(a, i), masked(b, j)
        if one is not None and other is not None and one != other:
            layer = b.model.layers[j]
            yield SettingDifference("structure", f"{layer.name}: mask among its inputs", one, other, layer.location)


def _has_weights(probe: Probe, layer: int) -> bool:
    parts = {part for node in probe.graph.nodes if node.layer == layer for part in node.parts}
    return any(v.layer in {layer, *parts} and v.role is Role.TRAINABLE for v in probe.variables)


def _weights_without_partner(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[SettingDifference]:
    unpaired_a = set(range(len(a.model.layers))) - {i for i, _ in alignment.layers}
    unpaired_b = set(range(len(b.model.layers))) - {j for _, j in alignment.layers}
    for i in alignment.only_in_a:
        variable = a.variables[i]
        if variable.layer is None or variable.layer not in unpaired_a or not a.graph.nodes:
            yield SettingDifference("weights", variable.path, list(variable.shape), None, _place(a, variable.layer))
    for j in alignment.only_in_b:
        variable = b.variables[j]
        if variable.layer is None or variable.layer not in unpaired_b or not b.graph.nodes:
            yield SettingDifference("weights", variable.path, None, list(variable.shape), _place(b, variable.layer))


def _place(probe: Probe, layer: int | None) -> Location | None:
    return None if layer is None else probe.model.layers[layer].location


@dataclass(frozen=True)
class _Flow:
    """Two data flows whose nodes are paired as far as they can be."""

    a: Probe
    b: Probe
    alignment: GraphAlignment

    def without_partner(self) -> Iterator[SettingDifference]:
        """Yields nodes, and layers with weights that do not run, that only one side has."""
        done_a, done_b = {n for n, _ in self.alignment.nodes}, {m for _, m in self.alignment.nodes}
        for n, node in enumerate(self.a.graph.nodes):
            if n not in done_a:
                yield SettingDifference("structure", node.class_name, _named(self.a, node), None, _where(self.a, node))
        for m, node in enumerate(self.b.graph.nodes):
            if m not in done_b:
                yield SettingDifference("structure", node.class_name, None, _named(self.b, node), _where(self.b, node))
        layers_a, layers_b = {i for i, _ in self.alignment.layers}, {j for _, j in self.alignment.layers}
        for layer in _idle(self.a, layers_a):
            yield SettingDifference("structure", layer.class_name, f"{layer.name}, not run", None, layer.location)
        for layer in _idle(self.b, layers_b):
            yield SettingDifference("structure", layer.class_name, None, f"{layer.name}, not run", layer.location)

    def shared(self) -> Iterator[SettingDifference]:
        """Yields layers that run several times on one side where the other has several layers."""
        for one, other, flip in ((self.a, self.b, False), (self.b, self.a, True)):
            partners: dict[int, list[int]] = {}
            for n, m in self.alignment.nodes:
                mine, theirs = (m, n) if flip else (n, m)
                layer, partner = one.graph.nodes[mine].layer, other.graph.nodes[theirs].layer
                if layer is not None and partner is not None and partner not in partners.setdefault(layer, []):
                    partners[layer].append(partner)
            for layer, found in partners.items():
                if len(found) < 2:
                    continue
                together = f"one layer, {one.model.layers[layer].name}, for {len(found)} calls"
                apart = f"{len(found)} layers: {', '.join(other.model.layers[i].name for i in found)}"
                values = (apart, together) if flip else (together, apart)
                where = one.model.layers[layer].location if flip else other.model.layers[found[1]].location
                yield SettingDifference(
                    "structure", f"{one.model.layers[layer].class_name}: shared or not", *values, where
                )

    def inputs_of_nodes(self) -> Iterator[SettingDifference]:
        """Yields nodes that are paired and do not take the same."""
        partner = dict(self.alignment.nodes)
        made_a, made_b = _producers(self.a), _producers(self.b)
        for n, m in self.alignment.nodes:
            one, other = self.a.graph.nodes[n], self.b.graph.nodes[m]
            ours = [made_a.get(t, ("input", t, 0)) for t in one.inputs]
            theirs = [made_b.get(t, ("input", t, 0)) for t in other.inputs]
            paired = set(partner.values())
            if any(kind == "node" and k not in partner for kind, k, _ in ours) or any(
                kind == "node" and k not in paired for kind, k, _ in theirs
            ):
                continue  # what comes before is on one side only, and has been named
            mapped = [(kind, partner[k] if kind == "node" else k, at) for kind, k, at in ours]
            if one.class_name.lower() in COMMUTATIVE:
                mapped, theirs = sorted(mapped), sorted(theirs)
            if mapped != theirs:
                yield SettingDifference(
                    "structure",
                    f"{_named(self.b, other)}: what it takes",
                    self._sources(self.a, one, made_a),
                    self._sources(self.b, other, made_b),
                    _where(self.b, other),
                )

    def _sources(self, probe: Probe, node: NodeRecord, made: dict[int, tuple[str, int, int]]) -> str:
        words = []
        for tensor in node.inputs:
            kind, number, _ = made.get(tensor, ("input", -1, 0))
            words.append(_named(probe, probe.graph.nodes[number]) if kind == "node" else f"input {number + 1}")
        return ", ".join(words)

    def ends(self) -> Iterator[SettingDifference]:
        """Yields other numbers of inputs or outputs, and outputs that are made by something else."""
        for name, one, other in (
            ("inputs of the model", self.a.graph.inputs, self.b.graph.inputs),
            ("outputs of the model", self.a.graph.outputs, self.b.graph.outputs),
        ):
            if len(one) != len(other) and self.a.graph.nodes and self.b.graph.nodes:
                yield SettingDifference("structure", name, len(one), len(other), self.b.model.location)

    def operations(self) -> Iterator[SettingDifference]:
        """Yields options and constants of paired operations that are not the same."""
        for n, m in self.alignment.nodes:
            one, other = self.a.graph.nodes[n], self.b.graph.nodes[m]
            constants = _without_digests(one), _without_digests(other)
            if not same_value(*constants) and (one.layer is None) == (other.layer is None):
                yield SettingDifference(
                    "structure",
                    f"{_named(self.b, other)}: called with",
                    _constants(one),
                    _constants(other),
                    _where(self.b, other),
                )
            if one.layer is None and other.layer is None:
                for key in sorted({*one.config} & {*other.config}):
                    if not same_value(one.config[key], other.config[key]):
                        name = f"{_named(self.b, other)}.{key}"
                        yield SettingDifference(
                            "layer", name, one.config[key], other.config[key], _where(self.b, other)
                        )

    def arrays(self) -> Iterator[SettingDifference]:
        """Yields arrays that paired operations were called with and that hold other values."""
        for n, m in self.alignment.nodes:
            one, other = self.a.graph.nodes[n], self.b.graph.nodes[m]
            same_kinds = same_value(_without_digests(one), _without_digests(other))
            if same_kinds and not same_value(one.constants, other.constants):
                name = f"{_named(self.b, other)}: called with"
                yield SettingDifference("structure", name, _constants(one), _constants(other), _where(self.b, other))


def _without_digests(node: NodeRecord) -> tuple[Any, ...]:
    return tuple(c.rpartition(" ")[0] if _is_array(c) else c for c in node.constants)


def _is_array(constant: Any) -> bool:
    return isinstance(constant, str) and constant.startswith(f"{ARRAY} ")


def _idle(probe: Probe, paired: set[int]) -> Iterator[LayerRecord]:
    """Yields layers with weights of their own that have no partner and do not run."""
    running = {i for node in probe.graph.nodes for i in (node.layer, *node.parts)}
    if not probe.graph.nodes:
        return
    for i, layer in enumerate(probe.model.layers):
        if (
            i not in paired
            and i not in running
            and any(v.layer == i and v.role is not Role.SEED for v in probe.variables)
        ):
            yield layer


def _producers(probe: Probe) -> dict[int, tuple[str, int, int]]:
    graph = probe.graph
    made = {tensor: ("node", n, k) for n, node in enumerate(graph.nodes) for k, tensor in enumerate(node.outputs)}
    return made | {tensor: ("input", position, 0) for position, tensor in enumerate(graph.inputs)}


def _named(probe: Probe, node: NodeRecord) -> str:
    return node.class_name if node.layer is None else probe.model.layers[node.layer].name


def _where(probe: Probe, node: NodeRecord) -> Location | None:
    return _place(probe, node.layer)


def _constants(node: NodeRecord) -> str:
    # Of a digest, enough to tell two apart.
    shown = (c[:-24] if _is_array(c) else str(c) for c in node.constants)
    return ", ".join(shown) or "nothing else"
