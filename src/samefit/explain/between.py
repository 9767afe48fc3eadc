"""Causes that act between two steps of one training: a validation pass moves what stateful layers keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from samefit.comparison.result import Evidence
from samefit.comparison.settings import callback_differences
from samefit.explain.case import Case, Counterfactual, Side, Suspect

_VALIDATION = ("validation_data", "validation_split", "validation_freq", "validation_steps", "validation_batch_size")


def explain_validation(case: Case) -> Iterator[Suspect]:
    """Yields a suspect where stateful layers go on from a validation pass that is not the same on both sides."""
    layers = [layer for layer in case.b.model.layers if layer.config.get("stateful") is True]
    differing = _differing(case)
    if not layers or not differing or not (_begins_epoch(case.a) and _begins_epoch(case.b)):
        return
    names = ", ".join(dict.fromkeys(layer.class_name for layer in layers))
    numbers = sorted({side.training.number for side in (case.a, case.b)})
    plans = tuple({"do": "fit", "training": n, "arguments": {"validation_data": None}} for n in numbers)
    fixes = (Counterfactual("no validation on either side", both=plans),) if differing == ["validation_data"] else ()
    yield Suspect(
        slug="state-carried-over",
        summary=f"{names} is stateful: epoch {case.b.step.epoch + 1} goes on from the state that the validation before "
        "it left, and the two sides do not validate alike.",
        evidence=_evidence(case, differing),
        location=layers[0].location or case.b.training.location,
        remedy="reset the state when an epoch begins (a callback with  layer.reset_state()  in on_epoch_begin), or "
        "evaluate after the training",
        counterfactuals=fixes,
        no_counterfactual="" if fixes else "without this validation the training itself would get other samples",
    )


@dataclass(frozen=True)
class Followed:
    """A validation that is not the same on both sides, and that callbacks follow which are.

    Attributes:
        words: The callbacks, and what they do.
        evidence: What the two `fit`s were given.
        remedy: What to do.
    """

    words: str
    evidence: tuple[Evidence, ...]
    remedy: str


def followed_validation(case: Case) -> Followed | None:
    """Returns the validation that callbacks follow, if that differs and they do not; else None."""
    a, b = (side.training.options for side in (case.a, case.b))
    names, differing = list(a.get("callbacks") or ()), _differing(case)
    if names != list(b.get("callbacks") or ()) or not differing or any(callback_differences(a, b)):
        return None
    options = list(a.get("callback_options") or ()) or [{}] * len(names)
    # A callback of the user's own may read any of the logs.
    monitors = [str(each.get("monitor", "val_")) for each in options]
    follow = [name for name, monitor in zip(names, monitors, strict=False) if monitor.startswith("val_")]
    if not follow:
        return None
    verb = "follows" if len(follow) == 1 else "follow"
    return Followed(
        words=f"{', '.join(follow)} {verb} the validation, which is not the same",
        evidence=_evidence(case, differing),
        remedy=f"give both fits the same {', '.join(differing)}",
    )


def _differing(case: Case) -> list[str]:
    return [name for name in _VALIDATION if _option(case.a, name) != _option(case.b, name)]


def _evidence(case: Case, names: list[str]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"fit({', '.join(_shown(side, name) for name in names)})", side.role, side.training.location)
        for side in (case.a, case.b)
    )


def _begins_epoch(side: Side) -> bool:
    """Whether a side parts at the first step of an epoch that is not the first of its training."""
    indices = side.run.step_indices([side.training.number])
    if side.step.index == indices[0]:
        return False
    return side.run.step(side.step.index - 1).epoch != side.step.epoch


def _option(side: Side, name: str) -> object:
    value = side.training.options.get(name)
    return value.get("digest") or value if isinstance(value, Mapping) else value


def _shown(side: Side, name: str) -> str:
    value = side.training.options.get(name)
    return f"{name}={'…' if isinstance(value, Mapping) else repr(value)}"
