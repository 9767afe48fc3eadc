"""One transplant of a plan, and what came of it: a re-run in which it was met only in part proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_PARTS = {
    "seeds": "values",
    "seed_states": "values",
    "trainable": "values",
    "initializers": "seeds",
    "weights": "pairs",
    "dataset": "attributes",
    "pipeline": "arguments",
    "generators": "states",
    "anew": "keys",
}
"""Under which key a plan lists the things that it changes, by what it does."""

_COMPILED = ("optimizer", "loss", "metrics", "loss_weights", "jit_compile", "run_eagerly")


Put = tuple[str, str, bool]
"""What was put in place, in words, the part of the plan that it is ("": all of it), and whether it was otherwise."""


class Item:
    """One transplant of a plan.

    Args:
        plan: What is changed.
    """

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self._plan = plan
        self._missing = dict.fromkeys(_parts(plan))
        self._changed = False

    def __getitem__(self, key: str) -> Any:
        return self._plan[key]

    def __contains__(self, key: str) -> bool:
        return key in self._plan

    def get(self, key: str, default: Any = None) -> Any:
        """Returns what the plan says under a key."""
        return self._plan.get(key, default)

    def expect(self, parts: Iterable[str]) -> None:
        """Says what belongs to it, where only its moment tells."""
        self._missing = dict.fromkeys(parts)

    def met(self, *parts: str, changed: bool = True) -> None:
        """Says that parts of it (none given: all) are as they are to be, and whether they were otherwise before."""
        for part in parts or tuple(self._missing):
            self._missing.pop(part, None)
        self._changed = self._changed or changed

    @property
    def outcome(self) -> dict[str, Any]:
        """What came of it: "met" is "all", "part" or "none" (also if nothing had to be changed)."""
        met = "none" if not self._changed else "part" if self._missing else "all"
        return {"do": self["do"], "at": self.get("at"), "met": met, "missing": list(self._missing)}


def _parts(plan: Mapping[str, Any]) -> list[str]:
    do = plan["do"]
    if do in _PARTS:
        return [str(name) for name in plan[_PARTS[do]]]
    if do == "attributes":
        return [attribute_part(layer, name) for layer, values in plan["values"].items() for name in values]
    if do == "parts":
        return [*plan.get("optimizers", {}), *plan.get("losses", {})]
    if do == "entropy":
        return [f"take {number}" for number in range(len(plan["takes"]))]
    if do == "compile":
        return [name for name in _COMPILED if name in plan]
    if do == "fit":
        return [*plan["arguments"], *(["callbacks"] if plan.get("without_callbacks") else [])]
    return [do]


def attribute_part(layer: str, attribute: str) -> str:
    """Returns what an attribute of a layer, or of the model (""), is called among the parts of a plan."""
    return f"{layer or 'the model'}.{attribute}"


def differs(before: Any, after: Any) -> bool:
    """Whether an argument of `compile` is another one; objects that are made anew count as others.

    Keras's losses have one representation whatever their options are (`LossFunctionWrapper.__repr__`,
    keras/src/losses/losses.py, 3.15.1).
    """
    return repr(before) != repr(after) or _configs(before) != _configs(after)


def _configs(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _configs(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_configs(item) for item in value]
    return value.get_config() if hasattr(value, "get_config") else None
