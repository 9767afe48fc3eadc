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

_CHECKED = "Keras 3.12 to 3.15.1"

NATIVE = ("gamma", "beta", "binomial")
"""The distributions that stay those of the backend: they reject values in a loop."""


def make_portable(
    patches: Patches, backend: str, draws: Mapping[str, Callable[..., Any]], native: Callable[[str], None]
) -> None:
    """Replaces the random functions of Keras's backend.

    Args:
        patches: Where the replacements go.
        backend: Name of the backend.
        draws: The functions to put in place, by name; each takes the two words of the seed first, and then the
            arguments of Keras's function.
        native: Called with the name of a function that is not replaced, when it is used.
    """
    module = importlib.import_module(f"keras.src.backend.{backend}.random")
    for name, function in draws.items():
        patches.replace(module, name, functools.partial(_portable, module, function), checked_on=_CHECKED)
    for name in NATIVE:
        patches.replace(module, name, functools.partial(_native, name, native), checked_on=_CHECKED)
    generator = importlib.import_module("keras.src.random.seed_generator").SeedGenerator
    patches.replace(generator, "next", _counted, checked_on=_CHECKED)


def _portable(module: Any, function: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)
    core = importlib.import_module("keras.src.backend")
    # Keras on JAX takes JAX's own keys, too.
    draw_seed = getattr(module, "jax_draw_seed", None) or module.draw_seed
    device = getattr(module, "get_device", lambda: None)

    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments = dict(bound.arguments)
        if isinstance(arguments.get("seed"), int):
            # The user's own integer, as of an initialiser: what it gives on this backend stays.
            return original(*args, **kwargs)
        # PyTorch computes shapes on a device without values, where Keras draws nothing.
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


def _counted(original: Callable[..., Any]) -> Callable[..., Any]:
    """Lets the global generator count, too: it scrambles its state by products that overflow on some backends only."""

    @functools.wraps(original)
    def next_seed(self: Any, ordered: bool = True) -> Any:
        return original(self, ordered=True)

    return next_seed
