"""Making an optimizer, a loss or a metric of what a plan says, with the classes that only the side itself can give.

A plan says of such a part one of these:

| it says | it is |
|---|---|
| {"class", "config"} | made from its configuration, as Keras saves it |
| {"options": {name: value}} | the side's own, made anew with other options, or with other attributes |
| {"kept": True} | the side's own, as it is |
| a list, or {output: part} | several |
| anything else | what `compile` takes as it is: a name, a number |
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from samefit.patches.configs import config_of


def made(module: Any, wanted: Any, own: Any = None) -> Any:
    """Returns what a description of `compile`'s argument stands for.

    Args:
        module: `keras.optimizers`, `keras.losses` or `keras.metrics`.
        wanted: The description.
        own: What the side itself has in that place. Classes of the user's own are taken from it: Keras finds one by its
            name only where it is registered.
    """
    if isinstance(wanted, Mapping):
        # Outputs may have these names, too.
        if wanted == {"kept": True}:
            return own
        if set(wanted) == {"options"} and isinstance(wanted["options"], Mapping):
            return _with_options(module.get(own), wanted["options"])
        if set(wanted) == {"class", "config"}:
            with classes_of(_own_parts(own).values()):
                return _class(module, wanted["class"], own).from_config(dict(wanted["config"]))
        theirs = own if isinstance(own, Mapping) else {}
        return {name: made(module, item, theirs.get(name)) for name, item in wanted.items()}
    if isinstance(wanted, list):
        several = list(own) if isinstance(own, (list, tuple)) else []
        several += [None] * (len(wanted) - len(several))
        return [made(module, item, mine) for item, mine in zip(wanted, several, strict=False)]
    return wanted


def _with_options(own: Any, options: Mapping[str, Any]) -> Any:
    """Returns a part with other options; what is an attribute of a class of the user's own and no option is set."""
    known = config_of(own)
    given = {name: value for name, value in options.items() if name in known}
    if given:
        with classes_of(_own_parts(own).values()):
            made_anew = type(own).from_config({**_config_of(own), **given})
    else:
        # `copy` would have Keras save it, and make it from its configuration.
        made_anew = object.__new__(type(own))
        vars(made_anew).update(vars(own))
    for name in options.keys() - given.keys():
        setattr(made_anew, name, options[name])
    return made_anew


def _class(module: Any, name: str, own: Any) -> Any:
    return type(own) if type(own).__name__ == name else getattr(module, name)


def _config_of(part: Any) -> dict[str, Any]:
    """Returns the options of a part; a part of it of the user's own stands there itself, and not as its options."""
    return {**config_of(part), **_own_parts(part)}


def _own_parts(part: Any) -> dict[str, Any]:
    """Returns the parts of the user's own of a part that was made, by the names of their options: its schedule."""
    # A schedule is held as `_learning_rate` (keras/src/optimizers/base_optimizer.py, 3.15), other parts by their names.
    held = vars(part) if hasattr(part, "get_config") else {}
    return {name.removeprefix("_"): value for name, value in held.items() if _is_own(value)}


def _is_own(value: Any) -> bool:
    return hasattr(value, "get_config") and not type(value).__module__.startswith("keras.")


@contextlib.contextmanager
def classes_of(values: Iterable[Any]) -> Iterator[None]:
    """Lets Keras find the classes of the user's own of which some values are, by their names."""
    import keras

    with keras.saving.custom_object_scope({type(value).__name__: type(value) for value in values if _is_own(value)}):
        yield
