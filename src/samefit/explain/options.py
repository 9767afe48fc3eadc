"""Options of layers, losses and optimizers: which differ, how a user writes them, whether a re-run can put them in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from samefit.comparison.values import same_value
from samefit.explain.case import Case, Counterfactual

_OWN = " (your own, "
"""How the recorder marks a function of the user's own."""


def differing_options(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Returns the options that both have and that differ in more than names."""
    skipped = {"name", "dtype", "trainable", "batch_input_shape", "batch_shape", "build_config"}
    names = [name for name in a if name in b and name not in skipped]
    return {name: (a[name], b[name]) for name in names if not same_value(bare(a[name]), bare(b[name]))}


def bare(value: Any, *, seeds: bool = True) -> Any:
    """Returns a configuration without names, which Keras makes up (and without seeds, if they do not matter)."""
    dropped = {"name", "registered_name", "build_config"} | (set() if seeds else {"seed"})
    if isinstance(value, Mapping):
        return {key: bare(item, seeds=seeds) for key, item in value.items() if key not in dropped}
    if isinstance(value, (list, tuple)):
        return [bare(item, seeds=seeds) for item in value]
    if is_own(value):
        # Two functions are the same if they do the same, whatever they are called.
        return value[value.index(_OWN) :]
    return value


def shown(value: Any) -> str:
    """Returns an option as a user would write it: an initialiser as its call, a float without float32's tail."""
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config")
        inner = config if isinstance(config, Mapping) else {}
        written = (f"{k}={shown(v)}" for k, v in inner.items() if v is not None and k != "name")
        return f"{value['class_name']}({', '.join(written)})"
    if isinstance(value, float) and value == float(np.float32(value)):
        return str(np.float32(value))
    return repr(value)


def is_own(value: Any) -> bool:
    """Whether an option is, or holds, a function of the user's own, which no re-run can make from its name."""
    if isinstance(value, Mapping):
        return any(map(is_own, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_own, value))
    return isinstance(value, str) and _OWN in value


def can_be_made(value: Any, there: Any) -> bool:
    """Whether an option can be made from its configuration, with the classes that are there."""
    if not is_own(value):
        return True
    if not (isinstance(value, Mapping) and isinstance(there, Mapping)):
        return False
    if value.get("class_name") != there.get("class_name"):
        return False
    theirs = there.get("config") or {}
    return all(can_be_made(inner, theirs.get(name)) for name, inner in (value.get("config") or {}).items())


def unmarked(value: Any) -> Any:
    """Returns a configuration as Keras wrote it, without the digests of classes of the user's own."""
    if isinstance(value, Mapping):
        return {key: unmarked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [unmarked(item) for item in value]
    return value.partition(_OWN)[0] if isinstance(value, str) else value


def class_of(described: Mapping[str, Any]) -> Any:
    """Returns the name of the class of an optimizer or a loss, without the digest of one of the user's own."""
    name = described.get("class")
    return name.partition(_OWN)[0] if isinstance(name, str) else name


def put_in_somewhere(
    forth: Counterfactual, back: Counterfactual, values: Sequence[tuple[Any, Any]]
) -> tuple[tuple[Counterfactual, ...], str]:
    """Returns the re-run that can be made where options may be functions of the user's own, or why there is none.

    Args:
        forth: Puts the baseline's into the candidate.
        back: Puts the candidate's into the baseline.
        values: The options that differ: (the baseline's, the candidate's).
    """
    for fix, side in ((forth, 0), (back, 1)):
        if all(can_be_made(pair[side], pair[1 - side]) for pair in values):
            return (fix,), ""
    return (), "functions and modules of your own cannot be put in from outside"


def set_before_training(case: Case, options: Mapping[str, Mapping[str, tuple[Any, Any]]]) -> tuple[Counterfactual, ...]:
    """Returns the re-run that sets options of layers when the training begins: a script may set them once more.

    Args:
        case: The case.
        options: By the name of the candidate's layer, options that differ: {option: (the baseline's, the candidate's)}.

    Returns:
        Nothing where a name stands for several layers, or an option is an object or a function of the user's own.
    """
    names = [layer.name for layer in case.b.model.layers]
    values = {layer: {name: pair[0] for name, pair in found.items()} for layer, found in options.items()}
    flat = [value for found in values.values() for value in found.values()]
    plain = all(isinstance(value, bool | int | float | str) and not is_own(value) for value in flat)
    if not plain or any(names.count(name) > 1 for name in options):
        return ()
    plan = {"do": "attributes", "training": case.b.training.number, "values": values}
    return (Counterfactual("the baseline's options set in these layers when the training begins", (plan,)),)
