"""Causes in weights that a model got after a training: an adapter, a quantised kernel."""

from __future__ import annotations

from collections.abc import Iterator

from samefit.comparison.result import Evidence
from samefit.explain.case import Case, Side, Suspect
from samefit.store.records import VariableRecord


def explain_new_weights(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a model trains on with weights that the other side has not, or has in another shape."""
    alone = {
        side.role: [side.layout[position] for position in positions]
        for side, positions in ((case.a, case.alignment.only_in_a), (case.b, case.alignment.only_in_b))
    }
    # Where they were there from the begin, the layers are others, and these are told.
    if not any(alone.values()) or not all(_are_new(side, alone[side.role]) for side in (case.a, case.b)):
        return
    first, second = ({variable.path: variable.shape for variable in variables} for variables in alone.values())
    evidence = [
        Evidence(f"{path}: shape {shape} and {second[path]}") for path, shape in first.items() if path in second
    ]
    for side, own, others in ((case.a, first, second), (case.b, second, first)):
        evidence += [
            Evidence(f"{path} {shape}: only in the {side.role}", side.role, side.training.location)
            for path, shape in own.items()
            if path not in others
        ]
    side = case.b if second else case.a
    names = ", ".join(dict.fromkeys(_owner(path) for path in (*first, *second)))
    yield Suspect(
        slug="model-config",
        summary="The model got weights after a training that the other side has not, or has in another shape.",
        evidence=tuple(evidence[:8]),
        location=side.training.location,
        remedy=f"change {names} alike on both sides before training #{side.training.number}: enable_lora, quantize or "
        "add_weight, with the same arguments",
        no_counterfactual="weights of another shape cannot be put in from outside",
    )


def _are_new(side: Side, variables: list[VariableRecord]) -> bool:
    """Whether a model had none of these weights when it was trained first, in an earlier training."""
    own = side.training
    begin = next((t for t in side.run.trainings if t.model == own.model and t.number < own.number), None)
    state = None if begin is None else side.run.begin_state(begin.number)
    if state is None:
        return not variables
    before = {variable.path for variable in side.run.layouts[state.layout]}
    return not any(variable.path in before for variable in variables)


def _owner(path: str) -> str:
    return path.rpartition("/")[0].rpartition("/")[2] or path
