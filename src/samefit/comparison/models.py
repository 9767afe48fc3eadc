"""Are two the same model? Structure, options, weights and passes of two probes, and one verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from samefit.align.graphs import GraphAlignment, align_probes
from samefit.comparison.compiled import LOSSES, OPTIMIZERS
from samefit.comparison.model_passes import compare_passes, draws_apart
from samefit.comparison.model_result import (
    ModelComparison,
    ModelSide,
    ModelVerdict,
    PassComparison,
    WeightDifference,
    Weights,
)
from samefit.comparison.model_structure import (
    array_differences,
    mask_differences,
    option_differences,
    own_differences,
    structure_differences,
)
from samefit.comparison.result import AlignmentSummary, SettingDifference
from samefit.comparison.values import same_value
from samefit.store.probes import Probe
from samefit.store.records import Origin, VariableRecord
from samefit.types import Role

_NO_NUMBER = "seed"


def compare_probes(a: Probe, b: Probe, *, weights_may: str = "drawn") -> ModelComparison:
    """Compares two models.

    Args:
        a: The baseline, run with its own weights.
        b: The candidate, run with the baseline's weights where the alignment pairs them.
        weights_may: What the user asks of the weights: "equal", "drawn" or "any".
    """
    alignment = align_probes(a, b)
    structure = list(structure_differences(a, b, alignment))
    options = list(option_differences(a, b, alignment))
    seeds = [setting for setting in options if setting.name.rpartition(".")[2] == _NO_NUMBER]
    options = [setting for setting in options if setting not in seeds]
    weights = list(_weight_differences(a, b, alignment))
    passes = compare_passes(a, b, alignment)
    structure += mask_differences(a, b, alignment)
    own = [*own_differences(a, b, alignment), *array_differences(a, b, alignment)]
    if not all(one.same or one.is_rounding for one in passes):
        options += own
    settings = (*structure, *options)
    return ModelComparison(
        verdict=_verdict(settings, weights, passes, alignment, a),
        weights=_weights(weights),
        weights_may=weights_may,
        baseline=_side(a),
        candidate=_side(b),
        settings=settings,
        seeds=tuple(seeds),
        weight_differences=tuple(weights),
        passes=passes,
        alignment=_summary(a, b, alignment),
        equal=tuple(_equal(structure, options, weights, passes, alignment, a)),
        notes=tuple(_notes(a, b, settings, passes, own)),
    )


def _verdict(
    settings: Sequence[SettingDifference],
    weights: Sequence[WeightDifference],
    passes: Sequence[PassComparison],
    alignment: GraphAlignment,
    a: Probe,
) -> ModelVerdict:
    seen = any(one.compared for one in passes)
    if not seen and not (alignment.variables or alignment.nodes):
        return ModelVerdict.NOT_COMPARABLE
    agree = all(one.same or one.is_rounding for one in passes)
    if settings or not agree:
        return ModelVerdict.DIVERGED
    if not seen:
        # Equal on paper; but that they compute the same was not seen in any pass.
        return ModelVerdict.NOT_COMPARABLE
    if weights:
        return ModelVerdict.SAME_FUNCTION
    return ModelVerdict.IDENTICAL if all(one.same for one in passes) else ModelVerdict.WITHIN_TOLERANCE


def _weights(differences: Sequence[WeightDifference]) -> Weights:
    if not differences:
        return Weights.EQUAL
    drawn = all(one.kind in ("draw", "seed") for one in differences)
    return Weights.OTHER_DRAW if drawn else Weights.OTHER_VALUES


# -- weights ----------------------------------------------------------------------------------------------------------


def _weight_differences(a: Probe, b: Probe, alignment: GraphAlignment) -> Iterator[WeightDifference]:
    for i, j in alignment.variables:
        if a.digests[f"weight/{i}"] == b.digests[f"weight/{j}"]:
            continue
        one, other = a.variables[i], b.variables[j]
        location = _location(b, other)
        if other.role is Role.SEED:
            yield WeightDifference(other.path, "seed", "", None, location)
            continue
        first, second = a.arrays[f"weight/{i}"], b.arrays[f"weight/{j}"]
        apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
        largest = float(apart.max()) if apart.size else 0.0
        drawn = _drawn(one, a.digests[f"weight/{i}"]), _drawn(other, b.digests[f"weight/{j}"])
        if drawn[0] is not None and drawn[0] == drawn[1]:
            yield WeightDifference(other.path, "draw", _initializer(other.origin), largest, location)
        else:
            detail = f"{_came_from(one, drawn[0])}; {_came_from(other, drawn[1])}"
            yield WeightDifference(other.path, "values", detail, largest, location)


def _drawn(variable: VariableRecord, digest: bytes) -> tuple[str, str] | None:
    """Returns by what a weight was drawn, if it still has the value that was drawn for it."""
    origin = variable.origin
    if origin is None or origin.number is None or origin.assigned is not None or origin.digest != digest:
        return None
    return origin.initializer, repr(_without_seed(origin.config))


def _without_seed(config: Any) -> Any:
    return sorted((key, value) for key, value in config.items() if key not in ("seed", "name"))


def _initializer(origin: Origin | None) -> str:
    if origin is None:
        return ""
    seed = f"seed {origin.seed}, written" if origin.seed_is_explicit else "no seed written"
    return f"{origin.initializer}, {seed}"


def _came_from(variable: VariableRecord, drawn: object) -> str:
    origin = variable.origin
    if origin is None:
        return "of unknown origin (the model was made before samefit looked)"
    if origin.assigned is not None:
        return f"put there by {origin.assigned}"
    if drawn is not None:
        return f"drawn by {_initializer(origin)}"
    if origin.number is None:
        return f"made by {origin.initializer}"
    return f"changed since {origin.initializer} drew it"


def _location(probe: Probe, variable: VariableRecord) -> Any:
    if variable.origin is not None and variable.origin.assigned_location is not None:
        return variable.origin.assigned_location
    if variable.layer is not None and probe.model.layers[variable.layer].location is not None:
        return probe.model.layers[variable.layer].location
    return variable.origin.location if variable.origin is not None else None


# -- words ------------------------------------------------------------------------------------------------------------


def _equal(
    structure: Sequence[SettingDifference],
    options: Sequence[SettingDifference],
    weights: Sequence[WeightDifference],
    passes: Sequence[PassComparison],
    alignment: GraphAlignment,
    a: Probe,
) -> Iterator[str]:
    number = _count(a, alignment)
    if not structure and number:
        yield f"structure ({number} weight{'' if number == 1 else 's'}, aligned by {_method(alignment)})"
    if not options:
        yield "options"
    if number and not weights:
        yield "weights"
    for one in passes:
        if one.same and one.compared:
            yield f"{one.name} pass"


def _method(alignment: GraphAlignment) -> str:
    return alignment.method.replace("-", " ")


def _count(a: Probe, alignment: GraphAlignment) -> int:
    return sum(a.variables[i].role is not Role.SEED for i, _ in alignment.variables)


def _notes(
    a: Probe,
    b: Probe,
    settings: Sequence[SettingDifference],
    passes: Sequence[PassComparison],
    own: Sequence[SettingDifference],
) -> Iterator[str]:
    for probe, role in ((a, "baseline"), (b, "candidate")):
        if probe.graph.failed:
            yield f"The {role}'s data flow could not be read whole ({probe.graph.failed})."
    if settings and all(one.same or one.is_rounding for one in passes):
        exact = "bit for bit" if all(one.same for one in passes) else "up to rounding"
        yield f"On this data, with the same weights, both compute the same all the same, {exact}."
    for one in passes:
        if one.without:
            yield f"Nothing was compared in the {one.name} pass: {one.without} on either side."
    if own and not settings:
        names = ", ".join(dict.fromkeys(setting.name for setting in own))
        yield f"What your own code holds is not the same ({names}); on this data both compute the same."
    if draws_apart(a, b):
        yield (
            "Random layers draw other numbers on another backend: the pass in training was not compared, and the way "
            "back was made in inference."
        )
    if a.compiled and b.compiled and not same_value(_training(a), _training(b)):
        yield "Both are compiled, and not alike: `samefit check` without --models compares their trainings."


def _training(probe: Probe) -> dict[str, Any]:
    return {name: probe.compiled.get(name) for name in (*OPTIMIZERS, *LOSSES, "loss_weights")}


def _summary(a: Probe, b: Probe, alignment: GraphAlignment) -> AlignmentSummary:
    return AlignmentSummary(
        method=alignment.method,
        pairs=_count(a, alignment),
        only_in_baseline=tuple(a.variables[i].path for i in alignment.only_in_a),
        only_in_candidate=tuple(b.variables[j].path for j in alignment.only_in_b),
        confidence=alignment.confidence,
        note=alignment.note,
    )


def _side(probe: Probe) -> ModelSide:
    model = probe.model
    named = model.class_name in ("Sequential", "Functional")
    return ModelSide(
        target=probe.target,
        model=f'{model.class_name} "{model.name}"' if named else model.class_name,
        location=model.location,
        weights=sum(variable.role is not Role.SEED for variable in probe.variables),
        backend=probe.backend,
        versions=dict(probe.versions),
        device=probe.device,
        run=probe.run,
    )
