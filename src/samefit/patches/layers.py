"""The touches of Keras's layers, initialisers and variables: where each came from, and the order in which layers run.

Checked on Keras 3.15.1. All hooks look and hand on the same objects: a wrapped output would lose `_keras_mask` or, on
TensorFlow, `_keras_logits`, and so change the training.
"""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from samefit.backends.base import Backend
from samefit.patches.patching import Patches

_CHECKED = "Keras 3.15.1"


class BuildObserver(Protocol):
    """What a recorder does with what layers and variables show."""

    def constructing(self, operation: Any, cls: type) -> None:
        """A layer, a model or an operation exists; its constructor runs next."""

    def seed_wanted(self, draw: Callable[[], int]) -> int:
        """Keras wants a seed for something that the user gave none; `draw()` draws it."""

    def seeded(self, holder: Any, explicit: Any) -> None:
        """An initialiser or a SeedGenerator has its seed now; `explicit` is the user's, or None."""

    def variable_made(self, variable: Any, initializer: Any) -> None:
        """A variable was constructed; its value may still be missing."""

    def variable_ready(self, variable: Any) -> None:
        """A variable got its first value after it was constructed."""

    def initializing(self, initializer: Any) -> Any:
        """A variable is to be made by `initializer`; returns the one to use."""

    def assigned(self, variable: Any) -> None:
        """A variable was assigned to."""

    def loading(self, model: Any) -> AbstractContextManager[None]:
        """Within, weights of a file are put into a model, or into a part of one."""

    def adapted(self, layer: Any) -> None:
        """A preprocessing layer has learned from data what it keeps."""

    @property
    def capturing(self) -> bool:
        """Whether calls are wanted now."""

    def called(self, operation: Any, args: Any, kwargs: Any, call: Callable[[], Any]) -> Any:
        """A layer or an operation is called; `call()` does it."""

    def applying(self, optimizer: Any) -> None:
        """An optimizer is about to apply gradients."""


def mask_of(tensor: Any) -> Any:
    """Returns the mask that travels with a tensor, or None.

    JAX's arrays take no attributes: Keras keeps their masks in a table of its own
    (keras/src/backend/common/masking.py).
    """
    masking = sys.modules["keras.src.backend.common.masking"]
    return masking.get_keras_mask(tensor)


def hand_on_masks(patches: Patches, handed: Callable[[], None]) -> None:
    """Makes operations hand on the mask of their first masked input: the counterfactual of a mask that is lost.

    What Python's operators compute in a class of the user's is no operation of Keras: a layer that takes a mask and
    gets none is given the last one of the same pass, if it fits.

    Args:
        patches: Where the change is kept.
        handed: Called whenever a mask is handed on.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer
    operation = importlib.import_module("keras.src.ops.operation").Operation
    model = importlib.import_module("keras.src.models.model").Model
    masking = importlib.import_module("keras.src.backend.common.masking")
    last: list[Any] = []  # the mask that a layer has made last

    def put(tensor: Any, mask: Any) -> None:
        if tuple(mask.shape) == tuple(tensor.shape[: len(mask.shape)]):
            masking.set_keras_mask(tensor, mask=mask)
            handed()

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            output = original(self, *args, **kwargs)
            if not isinstance(self, layer) and hasattr(output, "shape") and masking.get_keras_mask(output) is None:
                masks = [m for m in map(masking.get_keras_mask, args) if m is not None]
                if masks:
                    put(output, masks[0])
            return output

        return call

    def make_layer(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            first = args[0] if args else None
            if isinstance(self, model):
                # A pass begins: its tensors are its own. What goes into a model has the masks that it has.
                last.clear()
            if (
                last
                and self._call_has_mask_arg
                and kwargs.get("mask") is None
                and hasattr(first, "shape")
                and masking.get_keras_mask(first) is None
            ):
                put(first, last[0])
            output = original(self, *args, **kwargs)
            mask = masking.get_keras_mask(output) if hasattr(output, "shape") else None
            if mask is not None:
                last[:] = [mask]
            return output

        return call

    patches.replace(operation, "__call__", make, checked_on=_CHECKED)
    patches.replace(layer, "__call__", make_layer, checked_on=_CHECKED)


def run_in_modes(patches: Patches, mode_of: Callable[[Any], bool | None]) -> None:
    """Makes layers run in training or inference mode, whatever `training` they are called with.

    Args:
        patches: Where the change is kept.
        mode_of: Returns the mode of a layer, or None for one that stays as it is.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            mode = mode_of(self)
            return original(self, *args, **(kwargs if mode is None else {**kwargs, "training": mode}))

        return call

    patches.replace(layer, "__call__", make, checked_on=_CHECKED)


def watch_outputs(patches: Patches, observe: Callable[[Any, Any, bool], None]) -> None:
    """Shows the outputs of layers as they are computed.

    Args:
        patches: Where the change is kept.
        observe: Gets the layer, its output, and whether a mask came with its first input.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            masked = bool(args) and hasattr(args[0], "shape") and mask_of(args[0]) is not None
            output = original(self, *args, **kwargs)
            observe(self, output, masked or kwargs.get("mask") is not None)
            return output

        return call

    patches.replace(layer, "__call__", make, checked_on=_CHECKED)


def watch_layers(patches: Patches, observer: BuildObserver, backend: Backend) -> None:
    """Puts all hooks of layers, initialisers, variables and optimizers in place.

    Args:
        patches: Where the changes are kept.
        observer: What is told.
        backend: The backend that Keras uses.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer
    operation = importlib.import_module("keras.src.ops.operation").Operation
    variables = importlib.import_module("keras.src.backend.common.variables").Variable
    initializers = importlib.import_module("keras.src.initializers.random_initializers").RandomInitializer
    seeds = importlib.import_module("keras.src.random.seed_generator")
    optimizer = importlib.import_module("keras.src.optimizers.base_optimizer").BaseOptimizer
    model = importlib.import_module("keras.src.models.model").Model

    patches.replace(model, "load_weights", functools.partial(_load_weights, observer), checked_on=_CHECKED)
    for adapting in _ADAPTING:
        owner = importlib.import_module(f"keras.src.layers.preprocessing.{adapting[0]}")
        patches.replace(vars(owner)[adapting[1]], "adapt", functools.partial(_adapt, observer), checked_on=_CHECKED)
    patches.replace(operation, "__new__", functools.partial(_new, observer), checked_on=_CHECKED)
    patches.replace(layer, "__call__", functools.partial(_call, observer, backend), checked_on=_CHECKED)
    patches.replace(operation, "__call__", functools.partial(_operation_call, observer, layer), checked_on=_CHECKED)
    patches.replace(variables, "__init__", functools.partial(_variable, observer), checked_on=_CHECKED)
    assign = functools.partial(watched_assign, lambda v, _: observer.assigned(v), backend.is_compiling)
    patches.replace(variables, "assign", assign, checked_on=_CHECKED)
    backend_variable = importlib.import_module("keras.src.backend").Variable
    owner = backend_variable if "_deferred_initialize" in vars(backend_variable) else variables
    patches.replace(owner, "_deferred_initialize", functools.partial(_deferred, observer), checked_on=_CHECKED)
    patches.replace(initializers, "__init__", functools.partial(_seeded, observer), checked_on=_CHECKED)
    patches.replace(seeds.SeedGenerator, "__init__", functools.partial(_seeded, observer), checked_on=_CHECKED)
    patches.replace(optimizer, "apply", functools.partial(_apply, observer), checked_on=_CHECKED)
    _watch_default_seeds(patches, observer, seeds)


_ADAPTING = (
    ("discretization", "Discretization"),
    ("index_lookup", "IndexLookup"),
    ("normalization", "Normalization"),
    ("text_vectorization", "TextVectorization"),
)
"""Modules and classes of the layers that learn from data what they keep; other lookups call that of `IndexLookup`."""


def _watch_default_seeds(patches: Patches, observer: BuildObserver, seeds: Any) -> None:
    original = seeds.make_default_seed
    holders = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith("keras.src") and vars(module).get("make_default_seed") is original
    ]

    def make(draw: Callable[[], int]) -> Callable[[], int]:
        @functools.wraps(draw)
        def make_default_seed() -> int:
            return observer.seed_wanted(draw)

        return make_default_seed

    for module in holders:
        patches.replace(module, "make_default_seed", make, checked_on=_CHECKED)


def _new(observer: BuildObserver, original: Any) -> Any:
    @staticmethod  # type: ignore[misc]
    @functools.wraps(original)
    def new(cls: type, *args: Any, **kwargs: Any) -> Any:
        instance = original(cls, *args, **kwargs)
        observer.constructing(instance, cls)
        return instance

    return new


def _call(observer: BuildObserver, backend: Backend, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not observer.capturing:
            return original(self, *args, **kwargs)
        return observer.called(self, args, kwargs, lambda: original(self, *args, **kwargs))

    return backend.left_to_python(call)


def _operation_call(observer: BuildObserver, layer: type, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not observer.capturing or isinstance(self, layer):
            return original(self, *args, **kwargs)
        return observer.called(self, args, kwargs, lambda: original(self, *args, **kwargs))

    return call


def _variable(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        initializer = observer.initializing(initializer)
        original(self, initializer, *args, **kwargs)
        observer.variable_made(self, initializer)

    return init


def _deferred(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def deferred_initialize(self: Any) -> None:
        original(self)
        observer.variable_ready(self)

    return deferred_initialize


def watched_assign(
    assigned: Callable[[Any, Any], None], is_compiling: Callable[[], bool], original: Callable[..., Any]
) -> Callable[..., Any]:
    """Returns a `Variable.assign` that tells what was assigned to which variable outside of a compiled step."""

    @functools.wraps(original)
    def assign(self: Any, value: Any) -> Any:
        result = original(self, value)
        if not is_compiling():
            assigned(self, value)
        return result

    return assign


def _adapt(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def adapt(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, *args, **kwargs)
        observer.adapted(self)
        return result

    return adapt


def _load_weights(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def load_weights(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.loading(self):
            return original(self, *args, **kwargs)

    return load_weights


def _seeded(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
        original(self, seed, *args, **kwargs)
        observer.seeded(self, seed)

    return init


def _apply(observer: BuildObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        observer.applying(self)
        return original(self, *args, **kwargs)

    return apply
