"""What a re-run does to layers that are built: it sets their attributes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samefit.transplant.item import Item, Put


def put_on_layers(item: Item, model: Any) -> Iterator[Put]:
    """Sets attributes of the layers of a model, and of the model itself (which is called "")."""
    wanted = item["values"]
    # `Layer._flatten_layers` (keras/src/layers/layer.py, 3.12 to 3.15.1) lists what `Model.layers` leaves out as well.
    for layer in [model, *model._flatten_layers(include_self=False)]:
        name = "" if layer is model else layer.name
        for attribute, value in wanted.get(name, {}).items():
            before = getattr(layer, attribute, None)
            # A plan comes as JSON, which has no tuples.
            value = tuple(value) if isinstance(before, tuple) and isinstance(value, list) else value
            setattr(layer, attribute, value)
            yield f"{type(layer).__name__}.{attribute}", name, before != value
    # The step that Keras has compiled computes with what there was.
    model.train_function = None
