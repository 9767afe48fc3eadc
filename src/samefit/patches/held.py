"""What a model of the user's own holds beside what `compile` was given: optimizers and losses of a `train_step`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_MOST = 32
"""A list of more items than that is data, and is not looked through."""


def own_parts(model: Any, base: str) -> dict[str, Any]:
    """Returns what a model of the user's own holds itself, by attribute; in a list or a dictionary, with the place.

    What `compile` took is among it, if the model holds that under another name as well: a `train_step` may use either.

    Args:
        model: The model.
        base: The class of Keras's that the parts are of: "BaseOptimizer" or "Loss".
    """
    found: dict[int, tuple[str, Any]] = {}
    for name, value in vars(model).items():
        # These are Keras's own (keras/src/trainers/trainer.py, 3.12 to 3.15).
        if name in ("optimizer", "loss") or name.startswith("_compile"):
            continue
        inside: Iterable[tuple[Any, Any]] = ()
        # Keras and TensorFlow list all that a model holds once more, under names of their own.
        if isinstance(value, (list, tuple, dict)) and len(value) <= _MOST and not name.startswith("_"):
            inside = value.items() if isinstance(value, dict) else enumerate(value)
        for place, part in ((name, value), *((f"{name}[{key!r}]", part) for key, part in inside)):
            if any(cls.__name__ == base and cls.__module__.startswith("keras.") for cls in type(part).__mro__):
                found.setdefault(id(part), (place, part))
    return dict(found.values())
