"""Causes in the mode of layers: one ran in training mode on one side, and in inference mode on the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from samefit.comparison.result import Evidence, SettingDifference
from samefit.explain.case import Case, Counterfactual, Side, Suspect
from samefit.explain.generators import place
from samefit.types import Role, WrittenMode

MODE = ": training"
"""How `samefit.comparison.settings` calls a mode that differs between two calls."""


def explain_training_flag(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where a layer ran in training mode on one side only."""
    flags = [s for s in case.comparison.settings if s.kind == "structure" and s.name.endswith(MODE)]
    if not flags:
        return
    # Many layers take `training`; those that draw or keep averages are the ones that do something else with it.
    moved = {layer.class_name for layer in case.b.model.layers if layer.seed_value is not None}
    kept = (case.b.layer_of(v) for v in case.b.layout if v.role is Role.NON_TRAINABLE)
    moved |= {layer.class_name for layer in kept if layer is not None}
    flags = [s for s in flags if s.name.removesuffix(MODE) in moved] or flags
    plans = tuple(_modes(case))
    written = _written(case)
    yield Suspect(
        slug="training-flag",
        summary="A layer ran in training mode on one side and in inference mode on the other.",
        evidence=(
            *(Evidence(_mode(s), "", s.location) for s in flags[:6]),
            *(Evidence(f"called with training={w.value}", side.role, w.location) for side, w in written),
        ),
        location=(written[0][1].location if written else flags[0].location) or case.b.model.location,
        remedy=_remedy(case, written),
        counterfactuals=(Counterfactual("these layers in the baseline's mode", plans),) if plans else (),
        no_counterfactual="the layers that differ have no partner, or run in both modes",
    )


def _mode(setting: SettingDifference) -> str:
    where = "the baseline" if setting.baseline else "the candidate"
    return f"{setting.name.removesuffix(MODE)}: training mode in {where} alone"


def _modes(case: Case) -> Iterator[Mapping[str, Any]]:
    """Yields a transplant for each aligned layer that ran in another mode; each must have been called in one mode."""
    a, b = case.a.model, case.b.model
    for i, j in case.alignment.layers:
        mine = {bool(call.training) for call in a.calls if call.layer == i}
        theirs = {bool(call.training) for call in b.calls if call.layer == j}
        if len(mine) == 1 and theirs and mine != theirs:
            layer = b.layers[j]
            yield {
                "do": "mode",
                "side": case.b.name,
                "class": layer.class_name,
                "construction": layer.construction,
                "training": mine.pop(),
            }


def _written(case: Case) -> list[tuple[Side, WrittenMode]]:
    """Returns the literal modes that lines of the user's give to layers that ran in another mode, each line once."""
    a, b = case.a.model, case.b.model
    found: dict[tuple[str, WrittenMode], Side] = {}
    for i, j in case.alignment.layers:
        ours = [call for call in a.calls if call.layer == i]
        theirs = [call for call in b.calls if call.layer == j]
        if {bool(call.training) for call in ours} == {bool(call.training) for call in theirs}:
            continue
        for side, calls in ((case.a, ours), (case.b, theirs)):
            # What the line around it says need not be what the layer got.
            said = [call.written for call in calls if call.written and call.written.value == bool(call.training)]
            found |= {(side.role, each): side for each in said}
    return [(side, each) for (_, each), side in found.items()]


def _remedy(case: Case, written: list[tuple[Side, WrittenMode]]) -> str:
    """Returns what to write: in a method that is given the mode, that mode; where a step begins, one and the same."""
    fixed = [each for _, each in written if each.in_call]
    if fixed:
        lines = " and ".join(f"training={each.value}  at {place(each.location)}" for each in fixed[:2])
        # With JAX a model of the user's own does not find the mode in the context of its call (Keras 3.15.1).
        drop = "" if "jax" in (case.comparison.baseline.backend, case.comparison.candidate.backend) else ", or drop it"
        return f"in place of  {lines}  hand on what the method gets:  training=training{drop}, on both sides"
    steps = [each for _, each in written if not each.value]
    if steps:
        return f"in place of  training=False  at {place(steps[0].location)}  write  training=True"
    return (
        "hand `training` on:  self.dropout(x, training=training)  in call,  self(x, training=True)  in a train_step of "
        "your own"
    )
