"""What a `call` must not do when it is only looked at: it is run on symbolic tensors, to see its data flow.

Checked on Keras 3.12 to 3.15.1.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from samefit.patches.patching import Patches

_CHECKED = "Keras 3.12 to 3.15.1"
_DRAWS = (
    "normal",
    "uniform",
    "truncated_normal",
    "randint",
    "categorical",
    "dropout",
    "shuffle",
    "gamma",
    "beta",
    "binomial",
)


_OPERATORS = {
    "__add__": "add",
    "__sub__": "subtract",
    "__mul__": "multiply",
    "__truediv__": "divide",
    "__pow__": "power",
    "__matmul__": "matmul",
}
"""Operators of a variable, and the functions of `keras.ops` that take a symbolic tensor as well."""


def hush(patches: Patches) -> None:
    """Lets a `call` on symbolic tensors change nothing, draw without sizes, and compute as on values.

    Losses that it adds and variables that it assigns are none of a symbolic run's. Layers that are built by it are
    built in earnest.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer
    variable = importlib.import_module("keras.src.backend.common.variables").Variable
    building = _Building()
    patches.replace(layer, "_maybe_build", building.watch, checked_on=_CHECKED)
    patches.replace(layer, "add_loss", _nothing, checked_on=_CHECKED)
    patches.replace(variable, "assign", functools.partial(_assign, building), checked_on=_CHECKED)
    for operator, name in _OPERATORS.items():
        patches.replace(variable, operator, functools.partial(_operator, name), checked_on=_CHECKED)
    tensor = importlib.import_module("keras").KerasTensor
    patches.replace(tensor, "__jax_array__", _absent, checked_on=_CHECKED)
    draws = importlib.import_module("keras.src.backend").random
    for name in _DRAWS:
        patches.replace(draws, name, _draw, checked_on=_CHECKED)


class _Building:
    """Knows whether a layer is being built."""

    def __init__(self) -> None:
        self.depth = 0

    def watch(self, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def maybe_build(layer: Any, call_spec: Any) -> None:
            self.depth += 1
            try:
                original(layer, call_spec)
            finally:
                self.depth -= 1

        return maybe_build


def _nothing(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def nothing(*args: Any, **kwargs: Any) -> None:
        return None

    return nothing


def _assign(building: _Building, original: Callable[..., Any]) -> Callable[..., Any]:
    scope = importlib.import_module("keras.src.backend.common.stateless_scope")

    @functools.wraps(original)
    def assign(variable: Any, value: Any) -> Any:
        # In a stateless scope of Keras's own the value goes no further.
        return original(variable, value) if building.depth or scope.in_stateless_scope() else value

    return assign


def _operator(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    keras = importlib.import_module("keras")

    @functools.wraps(original)
    def operate(variable: Any, other: Any) -> Any:
        if isinstance(other, keras.KerasTensor):
            return getattr(keras.ops, name)(variable, other)
        return original(variable, other)

    return operate


def _absent(original: Callable[..., Any]) -> property:
    """Lets JAX leave an operation with a symbolic tensor to that tensor, as PyTorch and TensorFlow do."""

    def missing(tensor: Any) -> Any:
        raise AttributeError("__jax_array__")

    return property(missing)


def _draw(original: Callable[..., Any]) -> Callable[..., Any]:
    keras = importlib.import_module("keras")
    signature = inspect.signature(original)

    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        for name in ("inputs", "x"):
            if isinstance(given.get(name), keras.KerasTensor):
                return given[name]
        if isinstance(given.get("logits"), keras.KerasTensor):
            return keras.KerasTensor((given["logits"].shape[0], given["num_samples"]), given.get("dtype") or "int32")
        values = list(keras.tree.flatten(dict(given)))
        if any(isinstance(value, keras.KerasTensor) for value in values) or None in tuple(given.get("shape", ())):
            whole = "int32" if original.__name__ == "randint" else keras.config.floatx()
            return keras.KerasTensor(tuple(given["shape"]), given.get("dtype") or whole)
        return original(*args, **kwargs)

    return draw
