"""Probes made by hand: small data flows with weights, without Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from samefit.store.digest import state_digest
from samefit.store.probes import GraphRecord, NodeRecord, Probe
from samefit.store.records import LayerRecord, ModelRecord, Origin, VariableRecord
from samefit.types import Build, Role


@dataclass(frozen=True)
class Step:
    """One call: of the layer called `layer` (or of an operation, if that is ""), on tensors by name.

    The first call of a layer makes it, with `config` and `weights` ({name: shape}).
    """

    class_name: str
    out: str
    inputs: Sequence[str]
    layer: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    constants: tuple[Any, ...] = ()
    trainable: bool = True


def dense(layer: str, out: str, source: str, activation: str = "relu", **more: Any) -> Step:
    return Step("Dense", out, (source,), layer, {"activation": activation}, {"kernel": (4, 4), "bias": (4,)}, **more)


def make_probe(
    steps: Sequence[Step], *, target: str = "a.py:f", draw: int = 0, output: str = "", **changes: Any
) -> Probe:
    """Makes a probe; `draw` is what the initialisers drew, and the passes depend on nothing but the steps' options."""
    numbers = {"x": 0}
    for step in steps:
        numbers.setdefault(step.out, len(numbers))
    layers: dict[str, int] = {}
    records, variables, arrays = [], [], {}
    for step in steps:
        if not step.layer or step.layer in layers:
            continue
        layers[step.layer] = len(records)
        records.append(LayerRecord(step.class_name, step.layer, step.config, trainable=step.trainable))
        for index, (name, shape) in enumerate(step.weights.items()):
            value = np.full(shape, float(len(variables) + (draw if name == "kernel" else 0)), np.float32)
            random = name == "kernel"
            origin = Origin(
                "GlorotUniform" if random else "Zeros", digest=state_digest(value), number=0 if random else None
            )
            arrays[f"weight/{len(variables)}"] = value
            variables.append(
                VariableRecord(
                    Role.TRAINABLE, f"{step.layer}/{name}", shape, "float32", layers[step.layer], index, origin=origin
                )
            )
    nodes = tuple(
        NodeRecord(
            step.class_name,
            layers[step.layer] if step.layer else None,
            tuple(numbers[name] for name in step.inputs),
            (numbers[step.out],),
            constants=step.constants,
            config={} if step.layer else step.config,
        )
        for step in steps
    )
    result = np.ones((4, 4), np.float32)
    for name in ("inference/output/0", "training/output/0", "backward/loss"):
        arrays[name] = result
    probe = Probe(
        target=target,
        backend="jax",
        versions={"jax": "0.10.2", "keras": "3.15.1"},
        device="cpu",
        model=ModelRecord(1, "small", "Functional", Build.FUNCTIONAL, tuple(records)),
        variables=tuple(variables),
        graph=GraphRecord(nodes, (0,), (numbers[output or steps[-1].out],)),
        structure=[0, None],
        digests={name: state_digest(array) for name, array in arrays.items()},
        arrays=arrays,
    )
    return replace(probe, **changes)


def with_result(probe: Probe, name: str, array: np.ndarray[Any, Any]) -> Probe:
    """Returns the probe with another result."""
    digests = {**probe.digests, name: state_digest(array)}
    return replace(probe, digests=digests, arrays={**probe.arrays, name: array})


RESIDUAL = (
    dense("d1", "a", "x"),
    dense("d2", "b", "a", "tanh"),
    Step("Add", "c", ("b", "a")),
    dense("head", "d", "c", "linear"),
)
