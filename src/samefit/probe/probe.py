"""From a model to its probe: describe it, give it the baseline's weights where there is a baseline, run it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from samefit.align.graphs import align_probes
from samefit.backends.base import Array, Backend
from samefit.errors import NoModelError
from samefit.probe.data import Data, fitted
from samefit.probe.describe import Description, describe
from samefit.probe.passes import Passes, Results, in_short, moved
from samefit.record.compiled import describe_compiled
from samefit.record.provenance import Provenance
from samefit.store.digest import state_digest
from samefit.store.probes import Probe, numbered

_PRECISION = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float64": 2.0**-52}
_FLOAT32 = 2.0**-23


def probe(
    model: Any,
    data: Data,
    backend: Backend,
    provenance: Provenance,
    *,
    target: str,
    versions: Mapping[str, str],
    baseline: Probe | None = None,
) -> Probe:
    """Looks at one model, and leaves its weights, seeds and the generators of the process as they were.

    Args:
        model: A Keras model; one that is not built is built on `data`.
        data: What the passes run on.
        backend: The adapter of Keras's backend.
        provenance: Knows where layers and variables came from.
        target: What the user named.
        versions: {package: version} of this process.
        baseline: The model to compare with: its weights are used where the alignment pairs them.

    Raises:
        NoModelError: If the model cannot be called on `data`.
    """
    if baseline is not None:
        data = fitted(data, model)
    passes = Passes(model, data, backend)
    # What the passes assign is no doing of the user's.
    provenance.in_step = True
    try:
        ran = passes.first()
    except Exception as error:  # the user's `call` may do anything, and the data may be of another shape
        shapes = ", ".join(str(array.shape) for array in data.arrays)
        text = f"{target}: {type(model).__name__} cannot be called on data of shape {shapes}"
        raise NoModelError(f"{text}: {in_short(error)}") from error
    described = describe(model, passes.inputs(), ran, provenance)
    own = passes.values(described.objects)
    found = Probe(
        target=target,
        backend=backend.name,
        versions=versions,
        device=backend.device(),
        model=described.model,
        variables=described.variables,
        graph=described.graph,
        structure=[data.structure, data.targets_structure],
        compiled=describe_compiled(model) if getattr(model, "compiled", False) else {},
        compute_dtypes=tuple(sorted({str(layer.compute_dtype) for layer in described.layers})),
        digests={f"weight/{i}": state_digest(value) for i, value in enumerate(own)},
        arrays={
            **{f"data/{i}": array for i, array in enumerate(data.arrays)},
            **{f"target/{i}": array for i, array in enumerate(data.targets)},
            **{f"weight/{i}": value for i, value in enumerate(own)},
        },
    )
    values = own if baseline is None else _transplanted(own, baseline, found)
    roles = [variable.role for variable in described.variables]
    passes.write(described.objects, values)
    try:
        results = passes.run(described.layers, described.objects, roles)
        found = _with(found, results)
        if baseline is not None and _rounded(baseline, found):
            floor = _floor(model, data, backend, described, values, found)
            found = replace(_with(found, floor), failed=found.failed)
    finally:
        passes.write(described.objects, own)
        provenance.in_step = False
    return found if baseline is None else replace(found, weights_from=baseline.target)


def data_of(probe: Probe) -> Data:
    """Returns the data that a probe was made with."""
    structure, targets_structure = probe.structure
    return Data(structure, numbered(probe.arrays, "data/"), numbered(probe.arrays, "target/"), targets_structure)


def _with(probe: Probe, results: Results) -> Probe:
    return replace(
        probe,
        digests={**probe.digests, **results.digests},
        arrays={**probe.arrays, **results.arrays},
        failed={**probe.failed, **results.failed},
    )


def _transplanted(own: list[Array], baseline: Probe, found: Probe) -> list[Array]:
    values = list(own)
    for i, j in align_probes(baseline, found).variables:
        taken = baseline.arrays[f"weight/{i}"]
        if taken.shape == own[j].shape:
            values[j] = taken.astype(own[j].dtype)
    return values


def _rounded(baseline: Probe, found: Probe) -> bool:
    """Whether some result is not bit for bit the baseline's: then it matters what rounding alone does."""
    partner = {j: i for i, j in align_probes(baseline, found).variables}
    for name, digest in found.digests.items():
        if "/layer/" in name or "/mask/" in name or name.startswith(("weight/", "moved/")):
            continue
        kind, _, position = name.rpartition("/")
        if kind.endswith(("/gradient", "/state")):
            name = f"{kind}/{partner.get(int(position), -1)}"
        if baseline.digests.get(name) not in (None, digest):
            return True
    return False


def _floor(
    model: Any, data: Data, backend: Backend, described: Description, values: list[Array], found: Probe
) -> Results:
    """Runs the passes once more with weights and data that are one rounding off."""
    precision = max((_PRECISION.get(name, _FLOAT32) for name in found.compute_dtypes), default=_FLOAT32)
    roles = {i: variable.role for i, variable in enumerate(described.variables)}
    shaken = replace(data, arrays=tuple(moved(data.arrays, {}, precision)))
    passes = Passes(model, shaken, backend)
    passes.write(described.objects, moved(values, roles, precision))
    order = [variable.role for variable in described.variables]
    results = passes.run([], described.objects, order, prefix="moved/")
    return results
