"""Where layers, variables and seed generators come to be: what pinning hooks into. Checked on Keras 3.12 to 3.15.1."""

from __future__ import annotations

import functools
import importlib
import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from samefit import backends
from samefit.patches import dataflow, layers
from samefit.patches.patching import Patches
from samefit.patches.trainer import trainer_class

_CHECKED = "Keras 3.12 to 3.15.1"


class LayerObserver(Protocol):
    """What pinning does with what layers show."""

    def making(self, variable: Any, initializer: Any) -> None:
        """A variable is about to be made by `initializer`, or with that as its value."""

    def adding(self, layer: Any, *, outside: bool) -> AbstractContextManager[None]:
        """A layer adds a weight within; `outside` says that no `build` and no call of a layer runs."""

    def initializer_for(self, variable: Any, initializer: Any) -> Any:
        """A variable gets its first value; returns the initialiser to use."""

    def initialized(self, variable: Any) -> None:
        """A variable got its first value."""

    def all_initialized(self) -> None:
        """Keras left its symbolic phase; variables that were made in it have their values now."""

    def assigned(self, variable: Any, value: Any) -> None:
        """A variable was assigned to: by the user, a file that is loaded, an optimizer, or Keras's training loop."""

    def read(self, variable: Any, array: Any) -> None:
        """A variable gave its value as an array of NumPy; `get_weights` reads all of a layer so."""

    def generator_made(self, generator: Any, seed: Any) -> None:
        """A `SeedGenerator` exists; `seed` is the user's, or None."""

    def graph_made(self, model: Any) -> None:
        """A Functional model was constructed."""

    def building(self, layer: Any, arguments: dict[str, Any]) -> AbstractContextManager[None]:
        """A layer that is not built is called; it is built inside of the context."""

    def was_built(self, layer: Any) -> None:
        """The `build` of a layer was called and has ended."""

    def ran(self, layer: Any, arguments: dict[str, Any]) -> None:
        """A layer that is built is called."""

    def key_of(self, layer: Any) -> int | None:
        """A layer that can run in a pipeline draws; returns the key of its seed generator, or None if it has none."""

    def training(self, model: Any) -> AbstractContextManager[None]:
        """A `fit` or a `train_on_batch` runs within."""


def in_stateless_scope() -> bool:
    """Says whether Keras is in a phase in which variables are not to be changed."""
    found: bool = importlib.import_module("keras.src.backend.common.stateless_scope").in_stateless_scope()
    return found


def inside_a_layer() -> bool:
    """Says whether the `build` or the call of a layer runs: Keras opens a name scope for each."""
    state = importlib.import_module("keras.src.backend.common.global_state")
    scopes = state.get_global_attribute("name_scope_stack", default=[])
    return any(dataflow.is_layer(scope.caller) for scope in scopes)


def counts_in_own_backend(generator: Any) -> bool:
    """Whether a `SeedGenerator` keeps its count in a variable of Keras's own backend.

    In a `tf.data` pipeline a layer of Keras on JAX or PyTorch makes itself one of TensorFlow.
    """
    own: type = importlib.import_module("keras.src.backend").Variable
    return isinstance(generator.state, own)


def unseeded_generators(layer: Any) -> list[Any]:
    """Returns the seed generators of a layer and of all layers inside that the user gave no seed."""
    own = [generator for generator in layer._seed_generators if not has_own_seed(generator)]
    return own + [generator for inner in layer._layers for generator in unseeded_generators(inner)]


def has_own_seed(generator: Any) -> bool:
    """Says whether the user, or a scope, gave a `SeedGenerator` its seed."""
    return generator._initial_seed is not None


def was_fitted(layer: Any) -> bool:
    """Says whether `fit` of a model was called in this process (keras/src/callbacks/callback_list.py)."""
    return getattr(layer, "history", None) is not None and dataflow.is_model(layer)


def use_own_seed(generator: Any, key: int | None) -> None:
    """Makes PyTorch draw from an unseeded `SeedGenerator`.

    Keras's `dropout` on PyTorch ignores a generator without an explicit seed and draws from PyTorch's global one
    (keras/src/backend/torch/random.py): the masks would depend on everything else that draws.
    """
    generator._initial_seed = key


def watch_layers(patches: Patches, backend: str, observer: LayerObserver) -> None:
    """Puts all hooks in place."""
    layer = importlib.import_module("keras.src.layers.layer").Layer
    variables = importlib.import_module("keras.src.backend.common.variables")
    variable = importlib.import_module("keras.src.backend").Variable
    functional = importlib.import_module("keras.src.models.functional").Functional
    generator = importlib.import_module("keras.src.random.seed_generator").SeedGenerator

    def replace(owner: Any, name: str, make: Callable[..., Any]) -> None:
        patches.replace(owner, name, functools.partial(make, observer), checked_on=_CHECKED)

    replace(variables.Variable, "__init__", _variable)
    replace(variable, "_initialize_with_initializer", _first_value)
    is_compiling = backends.load(backend).is_compiling
    assign = functools.partial(layers.watched_assign, observer.assigned, is_compiling)
    patches.replace(variables.Variable, "assign", assign, checked_on=_CHECKED)
    replace(variable, "numpy", _numpy)
    replace(variables, "initialize_all_variables", _all_initialized)
    replace(generator, "__init__", _generator)
    replace(functional, "__init__", _functional)
    maybe_build = functools.partial(_maybe_build, observer, is_compiling)
    patches.replace(layer, "_maybe_build", maybe_build, checked_on=_CHECKED)
    replace(layer, "_lock_state", _lock_state)
    replace(layer, "add_weight", _add_weight)
    replace(_data_layer(), "_get_seed_generator", _data_generator)
    for name in ("fit", "train_on_batch"):
        replace(trainer_class(backend), name, _training)


def hand_on_training(patches: Patches) -> None:
    """Lets `stateless_call` hand its `training` on to the layers inside, as a call of the layer does.

    Keras 3.15 and before run `call` there without a call context, so on JAX a model of the user's that takes `training`
    and does not hand it on trains without its dropout, and with the batch normalisation of inference. Keras 3.16 does
    by itself what this does.
    """
    layer = importlib.import_module("keras.src.layers.layer").Layer

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def stateless_call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("training") is None:
                return original(self, *args, **kwargs)
            context = self._get_call_context()
            if context.entry_layer is self:
                context.training = kwargs["training"]
            try:
                return original(self, *args, **kwargs)
            finally:
                self._maybe_reset_call_context()

        return stateless_call

    patches.replace(layer, "stateless_call", make, checked_on=_CHECKED)


def training_is_lost(backend: str) -> bool:
    """Says whether this Keras loses `training` in the way that `hand_on_training` describes."""
    version = importlib.import_module("keras").__version__
    return backend == "jax" and tuple(int(part) for part in version.split(".")[:2]) < (3, 16)


def _variable(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, initializer: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(initializer, str):
            # Keras makes an object of the name a few lines on; made here, it is the one that is noted.
            initializer = importlib.import_module("keras").initializers.get(initializer)
        observer.making(self, initializer)
        original(self, initializer, *args, **kwargs)

    return init


def _add_weight(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def add_weight(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.adding(self, outside=not inside_a_layer()):
            return original(self, *args, **kwargs)

    return add_weight


def _first_value(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def initialize(self: Any, initializer: Any) -> None:
        original(self, observer.initializer_for(self, initializer))
        observer.initialized(self)

    return initialize


def _numpy(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def numpy(self: Any) -> Any:
        array = original(self)
        observer.read(self, array)
        return array

    return numpy


def _all_initialized(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def initialize() -> None:
        original()
        observer.all_initialized()

    return initialize


def _generator(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, seed: Any = None, *args: Any, **kwargs: Any) -> None:
        original(self, seed, *args, **kwargs)
        # One for a pipeline of another framework is none of the model's.
        if kwargs.get("backend") is None:
            observer.generator_made(self, seed)

    return init


def _functional(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        observer.graph_made(self)

    return init


def _maybe_build(
    observer: LayerObserver, is_compiling: Callable[[], bool], original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def maybe_build(self: Any, call_spec: Any) -> None:
        if self.built:
            # The layers of a model that trains were all seen when its training began.
            if not is_compiling():
                observer.ran(self, call_spec.arguments_dict)
            return
        with observer.building(self, call_spec.arguments_dict):
            original(self, call_spec)

    return maybe_build


def _lock_state(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def lock_state(self: Any) -> None:
        original(self)
        observer.was_built(self)

    return lock_state


def _data_layer() -> Any:
    """Returns the class of layers that can run inside a `tf.data` pipeline, whatever the backend."""
    folder = "keras.src.layers.preprocessing."
    if importlib.util.find_spec(folder + "data_layer") is not None:
        return importlib.import_module(folder + "data_layer").DataLayer
    return importlib.import_module(folder + "tf_data_layer").TFDataLayer  # up to Keras 3.12


def _data_generator(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def get_seed_generator(self: Any, *args: Any, **kwargs: Any) -> Any:
        # In a pipeline of another framework the layer makes a generator of that framework, with its own `seed`. Where
        # the user gave none, `RandomCrop` puts one of Python's there that is not that of its `generator`.
        key = None if getattr(self, "generator", None) is None else observer.key_of(self)
        if key is None:
            return original(self, *args, **kwargs)
        before, self.seed = self.seed, key
        try:
            return original(self, *args, **kwargs)
        finally:
            self.seed = before

    return get_seed_generator


def _training(observer: LayerObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def train(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.training(self):
            return original(self, *args, **kwargs)

    return train
