"""One model, seen without training: what it is made of, and what came out of its passes; as a file beside its run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from samefit.errors import RunError
from samefit.store.arrays import load_arrays
from samefit.store.codec import from_json, to_json
from samefit.store.records import ModelRecord, VariableRecord

Array = np.ndarray[Any, Any]

ARRAY = "array"

_RECORD, _ARRAYS = "model.json", "model.safetensors"


@dataclass(frozen=True)
class NodeRecord:
    """One call of a layer or an operation in the data flow of a model.

    Attributes:
        class_name: Class of the layer or operation.
        layer: Index into `ModelRecord.layers`; None for an operation.
        parts: Indices of the layers inside (the cell of an LSTM), in order.
        inputs: Numbers of the tensors that went in, in the order of the parameters.
        outputs: Numbers of the tensors that came out.
        constants: What else it was called with, in order; "tensor" stands for a tensor, and an array is `ARRAY`, its
            shape, its dtype and its digest.
        config: Configuration of an operation; a layer's stands in its `LayerRecord`.
    """

    class_name: str
    layer: int | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    parts: tuple[int, ...] = ()
    constants: tuple[Any, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GraphRecord:
    """The data flow of a model.

    Attributes:
        nodes: In canonical order: depth-first from the outputs, what a node needs before the node itself.
        inputs: Numbers of the model's input tensors, in order.
        outputs: Numbers of the model's output tensors, in order.
        failed: Why the data flow, or a part of it, could not be read; "" if all of it was.
    """

    nodes: tuple[NodeRecord, ...] = ()
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    failed: str = ""


@dataclass(frozen=True)
class Probe:
    """One model and its passes.

    Attributes:
        target: What the user named, in words.
        backend: Keras backend.
        versions: {package: version}.
        device: Such as "cpu".
        run: Path of the run directory; "" if the model was probed in the user's own process.
        model: The model; its layers are listed in canonical order.
        variables: Its weights and seed states.
        graph: Its data flow.
        structure: How the data is handed to it: JSON of nested lists and objects whose leaves are numbers of arrays.
        compiled: What `compile` was given; empty if it was not compiled.
        compute_dtypes: Dtypes in which its layers compute.
        weights_from: Target of the model whose weights the passes were made with; "" for its own.
        failed: Why a pass could not be made: {"inference" or "training" or "backward": the error}.
        digests: {name: digest of the whole array}, for every array.
        arrays: By name: "data/0", "target/0", "weight/3" (position in `variables`), "inference/output/0",
            "inference/layer/5/0" (call 0 of layer 5), "training/…", "training/state/3", "backward/loss",
            "backward/gradient/3"; the same below "moved/" for passes whose weights and data were one rounding off.
            Of large ones a part is kept (`samefit.store.probes.thinned`).
    """

    target: str
    backend: str
    versions: Mapping[str, str]
    device: str
    model: ModelRecord
    variables: tuple[VariableRecord, ...]
    graph: GraphRecord
    structure: Any = None
    run: str = ""
    compiled: Mapping[str, Any] = field(default_factory=dict)
    compute_dtypes: tuple[str, ...] = ()
    weights_from: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, bytes] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)


KEPT = 262_144
"""Elements that are kept of the result of a pass; the digest covers all of them."""


def thinned(array: Array) -> Array:
    """Returns a copy of `array`; if it is large, flat and with `KEPT` elements alone.

    Which ones is drawn at random, the same for all arrays of one size: at equal distances they could be one channel.
    """
    if array.size <= KEPT:
        return array.copy()
    places = np.random.default_rng(array.size).choice(array.size, KEPT, replace=False, shuffle=False)
    return array.reshape(-1)[np.sort(places)]


def save_data(
    directory: Path, structure: Any, arrays: Sequence[Array], targets: Sequence[Array], targets_structure: Any
) -> None:
    """Writes the user's own data for a probe, in the form of `samefit.probe.data.Data`."""
    named = {f"data/{i}": a for i, a in enumerate(arrays)} | {f"target/{i}": a for i, a in enumerate(targets)}
    save_file({name: np.asarray(array, order="C") for name, array in named.items()}, directory / "data.safetensors")
    (directory / "data.json").write_text(json.dumps([structure, targets_structure]), encoding="utf-8")


def load_data(directory: Path) -> tuple[Any, tuple[Array, ...], tuple[Array, ...], Any]:
    """Reads what `save_data` wrote."""
    arrays = load_arrays(directory / "data.safetensors")
    structure, targets_structure = json.loads((directory / "data.json").read_text(encoding="utf-8"))
    return structure, numbered(arrays, "data/"), numbered(arrays, "target/"), targets_structure


def numbered(arrays: Mapping[str, Array], prefix: str) -> tuple[Array, ...]:
    """Returns the arrays called "<prefix>0", "<prefix>1", …, in order."""
    return tuple(arrays[f"{prefix}{i}"] for i in range(sum(name.startswith(prefix) for name in arrays)))


def save_probe(directory: Path, probe: Probe) -> None:
    """Writes a probe into a run directory."""
    arrays = {name: np.asarray(array, order="C") for name, array in probe.arrays.items()}
    save_file(arrays, directory / _ARRAYS)
    (directory / _RECORD).write_text(to_json(replace(probe, arrays={})), encoding="utf-8")


def load_probe(directory: Path) -> Probe:
    """Reads a probe.

    Raises:
        RunError: If there is none, or it cannot be read.
    """
    if not (directory / _RECORD).exists():
        raise RunError(f"{directory} holds no model: `samefit check --models` writes one.")
    try:
        probe = from_json(Probe, (directory / _RECORD).read_text(encoding="utf-8"))
        return replace(probe, arrays=load_arrays(directory / _ARRAYS), run=str(directory))
    except (ValueError, OSError) as error:
        raise RunError(f"The model in {directory} is damaged: {error}.") from error
