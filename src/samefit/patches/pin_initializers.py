"""What Keras's random initialisers ask for, and a hook for each draw. Checked on Keras 3.12 to 3.15.1."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from samefit.errors import KerasChanged
from samefit.patches.patching import Patches

_CHECKED = "Keras 3.12 to 3.15.1"
_MODULE = "keras.src.initializers.random_initializers"
_CUT = 0.87962566103423978
"""Standard deviation of the standard normal distribution cut at two: the constant of `VarianceScaling`."""


@dataclass(frozen=True)
class Draw:
    """What an initialiser asks for.

    Attributes:
        distribution: The kind of numbers.
        first: The mean, the lower bound, or the gain of "orthogonal".
        second: The standard deviation (before cutting) or the upper bound.
    """

    distribution: Literal["normal", "truncated_normal", "uniform", "orthogonal"]
    first: float
    second: float = 0.0


class InitializerObserver(Protocol):
    """What pinning does with the draws of Keras's initialisers."""

    def draw(self, initializer: Any, draw: Draw, shape: Sequence[int], dtype: str) -> Any | None:
        """A Keras initialiser is about to draw; returns the values to use, or None for Keras's own."""


def is_random(initializer: Any) -> bool:
    """Says whether an initialiser is one of Keras's random ones, or of a class made from them."""
    return isinstance(initializer, importlib.import_module(_MODULE).RandomInitializer)


def is_constant(initializer: Any) -> bool:
    """Says whether an initialiser is one of Keras's that never draw."""
    constants = importlib.import_module("keras.src.initializers.constant_initializers")
    return type(initializer).__module__ == constants.__name__


def is_function_of_keras(initializer: Any) -> bool:
    """Says whether an initialiser is a function of Keras's (keras/src/random/seed_generator.py has one), no object."""
    # A function that `exec` made may be of no module.
    return inspect.isfunction(initializer) and str(initializer.__module__ or "").startswith("keras.")


def explicit_seed(initializer: Any) -> Any:
    """Returns the seed that the user gave to a random initialiser: an integer, a `SeedGenerator`, or None.

    Raises:
        KerasChanged: If Keras keeps it elsewhere.
    """
    if "_init_seed" not in vars(initializer):
        raise KerasChanged(
            f"{type(initializer).__name__}._init_seed is not there (checked on {_CHECKED}): this version is newer than "
            "samefit knows, or a class of yours does not call super().__init__(seed=seed)."
        )
    return initializer._init_seed


def initializers_of(layer: Any) -> list[Any]:
    """Returns the initialisers that a layer keeps, each once."""
    base = importlib.import_module("keras").initializers.Initializer
    return list({id(one): one for one in vars(layer).values() if isinstance(one, base)}.values())


def is_unseeded(initializer: Any) -> bool:
    """Says whether an initialiser is one of Keras's random ones, and has drawn its seed by itself."""
    return is_random(initializer) and explicit_seed(initializer) is None


def wanted(initializer: Any, shape: Sequence[int]) -> Draw | None:
    """Returns what `initializer` asks for, or None if its `__call__` is not one of Keras's."""
    module = importlib.import_module(_MODULE)
    maker = next((cls for cls in type(initializer).__mro__ if "__call__" in vars(cls)), None)
    if maker is module.RandomNormal:
        return Draw("normal", float(initializer.mean), float(initializer.stddev))
    if maker is module.TruncatedNormal:
        return Draw("truncated_normal", float(initializer.mean), float(initializer.stddev))
    if maker is module.RandomUniform:
        return Draw("uniform", float(initializer.minval), float(initializer.maxval))
    if maker is module.Orthogonal:
        # Keras itself says what is wrong with a shape of fewer dimensions.
        return Draw("orthogonal", float(initializer.gain)) if len(shape) > 1 else None
    if maker is module.VarianceScaling:
        return _scaled(initializer, *_fans(initializer, shape))
    return None


def _fans(initializer: Any, shape: Sequence[int]) -> tuple[int, int]:
    # The axes are arguments from Keras 3.13 on.
    axes = {
        name: getattr(initializer, name) for name in ("input_axes", "output_axes") if getattr(initializer, name, None)
    }
    fans: tuple[int, int] = importlib.import_module(_MODULE).compute_fans(tuple(shape), **axes)
    return fans


def _scaled(initializer: Any, inputs: int, outputs: int) -> Draw:
    units = {"fan_in": float(inputs), "fan_out": float(outputs)}.get(initializer.mode, (inputs + outputs) / 2.0)
    scale = initializer.scale / max(1.0, units)
    if initializer.distribution == "truncated_normal":
        return Draw("truncated_normal", 0.0, math.sqrt(scale) / _CUT)
    if initializer.distribution == "untruncated_normal":
        return Draw("normal", 0.0, math.sqrt(scale))
    limit = math.sqrt(3.0 * scale)
    return Draw("uniform", -limit, limit)


def watch_initializers(patches: Patches, observer: InitializerObserver) -> None:
    """Asks `observer` at each draw of a Keras initialiser."""
    module = importlib.import_module(_MODULE)
    for name in ("RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling", "Orthogonal"):
        cls = getattr(module, name, None)
        if cls is None:
            raise KerasChanged(f"{_MODULE}.{name} is not there any more (checked on {_CHECKED}); upgrade samefit.")
        patches.replace(cls, "__call__", functools.partial(_call, observer), checked_on=_CHECKED)
    einsum = importlib.import_module("keras.src.layers.core.einsum_dense").EinsumDense
    # There from Keras 3.13 on; before, the initialiser that the user gave makes the kernel itself.
    if hasattr(einsum, "_update_kernel_initializer"):
        patches.replace(einsum, "_update_kernel_initializer", _copied, checked_on=_CHECKED)


def _copied(original: Callable[..., Any]) -> Callable[..., Any]:
    """EinsumDense copies its initialiser with the seed that was drawn for it: it is no seed of the user's for that."""

    @functools.wraps(original)
    def update(self: Any, *args: Any, **kwargs: Any) -> Any:
        copy = original(self, *args, **kwargs)
        copy._init_seed = explicit_seed(self.kernel_initializer)
        return copy

    return update


def _call(observer: InitializerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
        keras = importlib.import_module("keras")
        draw = wanted(self, shape)
        name = keras.backend.standardize_dtype(dtype or keras.config.floatx())
        values = None if draw is None else observer.draw(self, draw, shape, name)
        if values is None:
            return original(self, shape, dtype=dtype, **kwargs)
        return keras.ops.convert_to_tensor(values, dtype=name)

    return call


@contextlib.contextmanager
def other_seed(initializer: Any, seed: int) -> Iterator[None]:
    """Gives a seed to an initialiser of the user's that is made from Keras's, and takes it away again."""
    if not is_random(initializer):
        yield
        return
    before, initializer.seed = initializer.seed, seed
    try:
        yield
    finally:
        initializer.seed = before
