"""Causes in weights that layers got, and that their options do not tell of: an adapter, a quantised kernel."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side, Suspect
from samefit.explain.options import differing_options
from samefit.store.records import LayerRecord, VariableRecord
from samefit.types import Location


def explain_new_weights(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a model trains with weights that the other side has not, or has in another shape."""
    alone = {
        side.role: [side.layout[position] for position in positions]
        for side, positions in ((case.a, case.alignment.only_in_a), (case.b, case.alignment.only_in_b))
    }
    if not any(alone.values()):
        return
    are_new = all(_are_new(side, alone[side.role]) for side in (case.a, case.b))
    # Where they were there from the begin, the layers may be others, and these are told.
    if not are_new and not _in_the_same_layers(case, *alone.values()):
        return
    first, second = ({variable.path: variable for variable in variables} for variables in alone.values())
    evidence = [
        Evidence(f"{path}: {_difference(variable, second[path])}", "", _made_at(case.b, second[path]))
        for path, variable in first.items()
        if path in second
    ]
    for side, own, others in ((case.a, first, second), (case.b, second, first)):
        evidence += [
            Evidence(f"{path} {variable.shape}: only in the {side.role}", side.role, _made_at(side, variable))
            for path, variable in own.items()
            if path not in others
        ]
    side, own = (case.b, second) if second else (case.a, first)
    names = ", ".join(dict.fromkeys(_owner(path) for path in (*first, *second)))
    yield Suspect(
        slug="model-config",
        summary="The model got weights after a training that the other side has not, or has in another shape."
        if are_new
        else "Layers with the same options have weights that the other side has not, or has otherwise.",
        evidence=tuple(evidence[:8]),
        location=_made_at(side, next(iter(own.values()))),
        remedy=f"change {names} alike on both sides before training #{side.training.number}: enable_lora, quantize or "
        "add_weight, with the same arguments",
        no_counterfactual="weights of another shape cannot be put in from outside",
    )


def _made_at(side: Side, variable: VariableRecord) -> Location | None:
    """Returns the line that made a weight, such as the call of `enable_lora`; else that of the training."""
    made = variable.origin.location if variable.origin is not None else None
    return made or side.training.location


def _are_new(side: Side, variables: list[VariableRecord]) -> bool:
    """Whether a model had none of these weights when it was trained first, in an earlier training."""
    own = side.training
    begin = next((t for t in side.run.trainings if t.model == own.model and t.number < own.number), None)
    state = None if begin is None else side.run.begin_state(begin.number)
    if state is None:
        return not variables
    before = {variable.path for variable in side.run.layouts[state.layout]}
    return not any(variable.path in before for variable in variables)


def _in_the_same_layers(case: Case, first: list[VariableRecord], second: list[VariableRecord]) -> bool:
    """Whether all these weights are in layers that stand for each other and whose options do not differ."""
    pairs = [(i, j) for i, j in case.alignment.layers if not _differ(case, i, j)]
    return {v.layer for v in first} <= {i for i, _ in pairs} and {v.layer for v in second} <= {j for _, j in pairs}


def _differ(case: Case, i: int, j: int) -> bool:
    one, other = case.a.model.layers[i], case.b.model.layers[j]
    options = {*differing_options(one.config, other.config)} - (
        {QUANTIZED_BY} if is_quantized_alone(one, other) else set()
    )
    return one.class_name != other.class_name or bool(options)


QUANTIZED_BY = "quantization_config"
"""The option of a layer that `quantize` sets, with its dtype policy (keras/src/layers/layer.py, 3.15)."""


def is_quantized_alone(one: LayerRecord, other: LayerRecord) -> bool:
    """Whether one of two layers has the dtype policy of a quantised one, such as "int8_from_float32"."""
    return ("_from_" in one.dtype_policy) != ("_from_" in other.dtype_policy)


def _difference(one: VariableRecord, other: VariableRecord) -> str:
    if one.shape != other.shape:
        return f"shape {one.shape} and {other.shape}"
    if one.dtype != other.dtype:
        return f"{one.dtype} and {other.dtype}"
    return f"{one.role.value} and {other.role.value}"


def _owner(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[2] or path
