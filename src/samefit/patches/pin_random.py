"""The functions behind `keras.random`, replaced by those that give the same values on every backend.

Checked on Keras 3.12 to 3.15.1. Layers and initialisers reach them through the same modules.
"""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from samefit.patches.patching import Patches
from samefit.patches.pin_layers import counts_in_own_backend

_CHECKED = "Keras 3.12 to 3.15.1"

NATIVE = ("gamma", "beta", "binomial")
"""The distributions that stay those of the backend: they reject values in a loop."""


def make_portable(
    patches: Patches,
    backend: str,
    draws: Mapping[str, Callable[..., Any]],
    next_seed: Callable[[Any], Any | None],
    native: Callable[[str], None],
) -> None:
    """Replaces the random functions of Keras's backend.

    Args:
        patches: Where the replacements go.
        backend: Name of the backend.
        draws: The functions to put in place, by name; each takes the two words of the seed first, and then the
            arguments of Keras's function.
        next_seed: Returns the seed of a draw, and counts it in the variable that it is handed; None where
            Keras has to.
        native: Called with the name of a function that is not replaced, when it is used.
    """
    module = importlib.import_module(f"keras.src.backend.{backend}.random")
    for name, function in draws.items():
        patches.replace(module, name, functools.partial(_portable, module, function), checked_on=_CHECKED)
    for name in NATIVE:
        patches.replace(module, name, functools.partial(_native, name, native), checked_on=_CHECKED)
    generator = importlib.import_module("keras.src.random.seed_generator").SeedGenerator
    patches.replace(generator, "next", functools.partial(_counted, module, next_seed), checked_on=_CHECKED)


def _portable(module: Any, function: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)
    core = importlib.import_module("keras.src.backend")
    # Keras on JAX takes JAX's own keys, too.
    draw_seed = getattr(module, "jax_draw_seed", None) or module.draw_seed
    device = _device_of(module)

    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        if isinstance(arguments.get("seed"), int):
            # The user's own integer, as of an initialiser: what it gives on this backend stays.
            return original(*args, **kwargs)
        if device() == "meta" or arguments.get("rate") in (0.0, 1.0):
            return original(*args, **kwargs)
        if "dtype" in arguments:
            arguments["dtype"] = core.standardize_dtype(arguments["dtype"] or core.floatx())
        for name in ("logits", "x", "inputs"):
            if name in arguments:
                arguments[name] = core.convert_to_tensor(arguments[name])
        return function(draw_seed(arguments.pop("seed")), **arguments)

    return draw


def _native(name: str, say: Callable[[str], None], original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        say(name)
        return original(*args, **kwargs)

    return draw


def _device_of(module: Any) -> Callable[[], str | None]:
    # Keras on PyTorch computes shapes on the device "meta", where tensors have no values.
    device: Callable[[], str | None] = getattr(module, "get_device", lambda: None)
    return device


def _counted(module: Any, next_seed: Callable[[Any], Any | None], original: Callable[..., Any]) -> Callable[..., Any]:
    """Lets the global generator count, too: it scrambles its state by products that overflow on some backends only."""
    in_stateless_scope = importlib.import_module("keras.src.backend").in_stateless_scope
    device = _device_of(module)

    @functools.wraps(original)
    def counted(self: Any, ordered: bool = True) -> Any:
        if not counts_in_own_backend(self):
            return original(self, ordered)
        # In a stateless scope what is written is an update of the scope, and no value.
        has_values = not in_stateless_scope() and device() != "meta"
        seed = next_seed(self.state) if has_values else None
        return original(self, ordered=True) if seed is None else seed

    return counted
