"""What `compile` was given, and what a model of the user's own holds beside that, as it stands in a run."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from samefit.attribution import caller
from samefit.patches.configs import config_of
from samefit.record.models import named_nowhere
from samefit.record.own_code import described
from samefit.record.plain import plain


class Compiles:
    """Where each model was compiled last, and the how-manieth `compile` of the side that was: a re-run changes it."""

    def __init__(self) -> None:
        self._known: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()

    def put(self, trainer: Any, number: int) -> None:
        """Notes that `trainer` is compiled now."""
        where = caller().location
        self._known[trainer] = {"number": number} | ({} if where is None else {"location": asdict(where)})

    def of(self, trainer: Any) -> dict[str, Any]:
        """Returns what is to stand in the record of a training of `trainer`: what it works with, and where from."""
        return describe_compiled(trainer) | (self._known.get(trainer) or {})


def describe_compiled(model: Any) -> dict[str, Any]:
    """Describes what `compile` was given, as far as it shapes the training."""
    optimizer = getattr(model, "optimizer", None)
    loss = getattr(model, "loss", None)
    compiled: dict[str, Any] = {
        "jit_compile": bool(getattr(model, "jit_compile", False)),
        "run_eagerly": bool(getattr(model, "run_eagerly", False)),
        "steps_per_execution": int(getattr(model, "steps_per_execution", 1) or 1),
        "loss": _describe_loss(loss),
    }
    if optimizer is not None:
        compiled["optimizer"] = {"class": type(optimizer).__name__, "config": named_nowhere(optimizer)}
    for kind, base in OWN_PARTS.items():
        if parts := own_parts(model, base):
            compiled[kind] = {name: _describe_loss(part) for name, part in parts.items()}
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    if weights is not None:
        compiled["loss_weights"] = plain(weights)
    metrics = getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)
    if metrics is not None:
        compiled["metrics"] = _describe_loss(metrics, named=True)
    return compiled


OWN_PARTS = {"optimizers": "BaseOptimizer", "losses": "Loss"}
"""Kinds of parts that a `train_step` of the user's own works with, and Keras's base class of each."""


def own_parts(model: Any, base: str) -> dict[str, Any]:
    """Returns what a model of the user's own holds beside what `compile` of Keras took, by attribute.

    Args:
        model: The model.
        base: The class of Keras's that the parts are of: "BaseOptimizer" or "Loss".
    """
    compiled = [getattr(model, name, None) for name in ("optimizer", "loss", "_compile_loss")]
    return {
        name: value
        for name, value in vars(model).items()
        if any(cls.__name__ == base and cls.__module__.startswith("keras.") for cls in type(value).__mro__)
        and not any(value is one for one in compiled)
    }


def _describe_loss(loss: Any, *, named: bool = False) -> Any:
    """Describes a loss, a metric, or several of them; `named`: with the names under which they are logged."""
    if isinstance(loss, (list, tuple)):
        return [_describe_loss(item, named=named) for item in loss]
    if isinstance(loss, Mapping):
        return {str(key): _describe_loss(item, named=named) for key, item in loss.items()}
    if hasattr(loss, "get_config"):
        config = plain(config_of(loss)) if named else named_nowhere(loss)
        return {"class": type(loss).__name__, "config": config}
    return described(loss)
