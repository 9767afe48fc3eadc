"""The model that a user's function, variable or script stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from samefit.errors import NoModelError
from samefit.patches import dataflow

Maker = Callable[[], Any]


def model_from(value: Any, name: str) -> Any:
    """Returns the model that `value` is, or that it makes.

    Args:
        value: A model, a function without arguments that returns one (alone, or in a tuple with other things), or such
            a tuple.
        name: How the user calls it, for errors.

    Raises:
        NoModelError: If there is not exactly one model.
    """
    made = value() if callable(value) and not dataflow.is_model(value) else value
    found = [made] if dataflow.is_model(made) else []
    if isinstance(made, (list, tuple)):
        found = [item for item in made if dataflow.is_model(item)]
    if len(found) != 1:
        gave = "None" if made is None else f"{len(found)} models" if found else f"a {type(made).__name__}"
        raise NoModelError(f"{name} gave {gave}; it must return one keras.Model.")
    return found[0]


def only_model(names: Mapping[str, Any], script: str) -> Any:
    """Returns the one model that a script has made, among its global names; models inside of others do not count.

    Raises:
        NoModelError: If there is none, or more than one.
    """
    models = {id(value): (name, value) for name, value in names.items() if dataflow.is_model(value)}
    inside = {id(part) for _, model in models.values() for part in _parts(model)}
    outer = [(name, model) for key, (name, model) in models.items() if key not in inside]
    if len(outer) == 1:
        return outer[0][1]
    if not outer:
        raise NoModelError(f"{script} ran, but none of its global names is a model; name a function: {script}:build.")
    listed = ", ".join(name for name, _ in outer)
    raise NoModelError(f"{script} holds {len(outer)} models ({listed}); name one of them: {script}:{outer[0][0]}.")


def _parts(layer: Any) -> list[Any]:
    children = dataflow.sublayers(layer)
    return [*children, *(part for child in children for part in _parts(child))]
