"""What a re-run does to layers that are built: it sets their attributes."""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator, Mapping
from typing import Any

from samefit.transplant.item import Item, Put, attribute_part, differs
from samefit.transplant.making import made


def put_on_layers(item: Item, model: Any) -> Iterator[Put]:
    """Sets attributes of the layers of a model, and of the model itself (which is called "").

    A step that Keras has compiled before computes with what there was then, and to compile it anew would be another
    change: there, nothing is set.
    """
    if model.train_function is not None:
        return
    wanted = item["values"]
    # `Layer._flatten_layers` (keras/src/layers/layer.py, 3.12 to 3.15.1) lists what `Model.layers` leaves out as well.
    for layer in [model, *model._flatten_layers(include_self=False)]:
        name = "" if layer is model else layer.name
        for attribute, value in wanted.get(name, {}).items():
            before = getattr(layer, attribute, None)
            after = _as(before, value)
            if callable(before) and not callable(after):
                # A text that names no activation of Keras's is no function.
                continue
            setattr(layer, attribute, after)
            yield f"{type(layer).__name__}.{attribute}", attribute_part(name, attribute), before != after


def put_parts(item: Item, model: Any) -> Iterator[Put]:
    """Gives a model other optimizers and losses than it holds itself.

    Nothing is put in where the step was compiled before, nor for an optimizer that has slots already: a new one would
    begin with others.
    """
    import keras

    if model.train_function is not None:
        return
    for kind, module in (("optimizers", keras.optimizers), ("losses", keras.losses)):
        for name, wanted in item.get(kind, {}).items():
            holder, key = _place_of(model, name)
            if key not in holder or (kind == "optimizers" and holder[key].built):
                continue
            before, after = holder[key], made(module, wanted, holder[key])
            if before is model.optimizer:
                # The model was compiled with the one that it holds.
                model.optimizer = after
            if holder is vars(model):
                setattr(model, name, after)
            else:
                getattr(model, name.partition("[")[0])[key] = after
            yield f"the model's {name}", name, differs(before, after)


def _place_of(model: Any, name: str) -> tuple[Mapping[Any, Any], Any]:
    """Returns where a part stands that the recorder calls "attribute" or "attribute[key]", and its key there."""
    attribute, _, place = name.partition("[")
    if not place:
        return vars(model), name
    holder = getattr(model, attribute, None)
    holder = dict(enumerate(holder)) if isinstance(holder, list) else holder
    return holder if isinstance(holder, dict) else {}, ast.literal_eval(place.removesuffix("]"))


def _as(before: Any, value: Any) -> Any:
    """Returns a value from JSON, which has no tuples, enumerations and functions, as what was there before is."""
    if callable(before) and isinstance(value, str):
        import keras

        # Of an activation a configuration holds the name.
        return getattr(keras.activations, value, value)
    if isinstance(before, enum.Enum):
        return type(before)(value)
    if isinstance(before, tuple) and isinstance(value, list):
        return tuple(value)
    return value
