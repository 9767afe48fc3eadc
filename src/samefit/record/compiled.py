"""What `compile` was given, and what a model of the user's own holds beside that, as it stands in a run."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from samefit.attribution import caller
from samefit.patches.configs import config_of
from samefit.patches.held import own_parts
from samefit.record.models import named_nowhere
from samefit.record.own_code import described, own_class, with_own_parts, written_at
from samefit.record.plain import plain


class Compiles:
    """Where each model was compiled last, and which `compile` of the side that was: a re-run changes it."""

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
        "loss": _describe(loss),
    }
    if optimizer is not None:
        compiled["optimizer"] = _describe(optimizer)
    for kind, base in OWN_PARTS.items():
        if parts := own_parts(model, base):
            compiled[kind] = {name: _describe(part) for name, part in parts.items()}
    weights = getattr(getattr(model, "_compile_loss", None), "_user_loss_weights", None)
    if weights is not None:
        compiled["loss_weights"] = plain(weights)
    metrics = getattr(getattr(model, "_compile_metrics", None), "_user_metrics", None)
    if metrics is not None:
        compiled["metrics"] = _describe(metrics, named=True)
    known = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
    if written := {name: places for name, part in known.items() if (places := _written_at(part))}:
        compiled["written_at"] = written
    if shared := _distribution(model):
        compiled["distribution"] = shared
    return compiled


def _distribution(model: Any) -> str:
    """Says how several devices share the work, or "" where there is one."""
    keras = sys.modules.get("keras")
    distribution = None if keras is None else keras.distribution.distribution()
    if distribution is not None:
        devices = distribution.device_mesh.devices.size
        return f"{type(distribution).__name__} on {devices} devices" if devices > 1 else ""
    # On TensorFlow every model has a strategy; that of one device is no distribution.
    strategy = getattr(model, "distribute_strategy", None)
    replicas = getattr(strategy, "num_replicas_in_sync", 1)
    return f"{type(strategy).__name__} on {replicas} devices" if replicas > 1 else ""


OWN_PARTS = {"optimizers": "BaseOptimizer", "losses": "Loss"}
"""Kinds of parts that a `train_step` of the user's own works with, and Keras's base class of each."""


def _describe(part: Any, *, named: bool = False) -> Any:
    """Describes an optimizer, a loss, a metric, or several; `named`: with the names under which they are logged."""
    if isinstance(part, (list, tuple)):
        return [_describe(item, named=named) for item in part]
    if isinstance(part, Mapping):
        return {str(key): _describe(item, named=named) for key, item in part.items()}
    if hasattr(part, "get_config"):
        config = plain(config_of(part)) if named else with_own_parts(named_nowhere(part), part)
        name, attributes = own_class(part, config)
        return {"class": name, "config": {**attributes, **config}}
    return described(part)


def _written_at(part: Any) -> dict[str, Any]:
    if isinstance(part, (list, tuple, Mapping)):
        several = part.values() if isinstance(part, Mapping) else part
        return {name: place for each in several for name, place in _written_at(each).items()}
    return written_at(part, named_nowhere(part) if hasattr(part, "get_config") else {})
