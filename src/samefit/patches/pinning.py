"""The touches of Keras's trainers, callbacks and seeds that pinning needs. Checked on Keras 3.12 to 3.15.1."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol

from samefit import backends
from samefit.backends.base import Backend
from samefit.errors import KerasChanged
from samefit.patches.fits import around_fit, before_epoch
from samefit.patches.patching import Patches
from samefit.patches.pin_layers import counts_in_own_backend
from samefit.patches.trainer import trainer_class

_CHECKED = "Keras 3.12 to 3.15.1"
_OLDEST, _NEWEST = (3, 12), (3, 16)
"""The newest is that of Keras's development branch (commit 3422977a5e), which is not released."""
_OTHERS = ("evaluate", "predict", "test_on_batch", "predict_on_batch")
_ABSENT = object()


def require_known_keras() -> None:
    """Refuses a Keras whose data order and initial weights nobody has looked at.

    A missing attribute is noticed by `Patches`; what stays in place and works otherwise is not: Keras 3.16 began to
    give TensorFlow's data its order in a new place, and data went on unpinned without an error.

    Raises:
        KerasChanged: If this Keras is older or newer than those that were checked.
    """
    import keras

    major, minor = (int(part) for part in keras.__version__.split(".")[:2])
    if not _OLDEST <= (major, minor) <= _NEWEST:
        known = f"{_OLDEST[0]}.{_OLDEST[1]} to {_NEWEST[0]}.{_NEWEST[1]}"
        raise KerasChanged(
            f"samefit.pinned was checked on Keras {known}; this is {keras.__version__}. "
            f"Install one of these (pip install 'keras<{_NEWEST[0]}.{_NEWEST[1] + 1}'), or a newer samefit."
        )


class TrainingObserver(Protocol):
    """What pinning does with what the trainers show."""

    def training(self, model: Any, arguments: dict[str, Any]) -> AbstractContextManager[None]:
        """A `fit` runs within."""

    def epoch(self, epoch: int) -> None:
        """An epoch (0-based) of the training begins; its data is not drawn yet."""

    def single_step(self, model: Any) -> AbstractContextManager[None]:
        """A `train_on_batch` runs within."""

    def drew(self, state: Any, seed: Any) -> None:
        """A `SeedGenerator` gave the value of its `state` as a seed that has numbers, and counted it."""

    def other(self, model: Any) -> AbstractContextManager[None]:
        """An `evaluate`, `predict`, … runs within."""


def watch_trainings(patches: Patches, backend: str, observer: TrainingObserver) -> None:
    """Puts all hooks in place."""
    trainer = trainer_class(backend)
    callbacks = importlib.import_module("keras.src.callbacks.callback_list").CallbackList
    generator = importlib.import_module("keras.src.random.seed_generator").SeedGenerator
    patches.replace(trainer, "fit", around_fit(observer.training), checked_on=_CHECKED)
    patches.replace(trainer, "train_on_batch", functools.partial(_single_step, observer), checked_on=_CHECKED)
    for name in _OTHERS:
        patches.replace(trainer, name, functools.partial(_other, observer), checked_on=_CHECKED)
    patches.replace(callbacks, "on_epoch_begin", before_epoch(observer.epoch), checked_on=_CHECKED)
    drawing = functools.partial(_next, observer, backends.load(backend))
    patches.replace(generator, "next", drawing, checked_on=_CHECKED)


def _single_step(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def train_on_batch(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.single_step(self):
            return original(self, *args, **kwargs)

    return train_on_batch


def _other(observer: TrainingObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def other(self: Any, *args: Any, **kwargs: Any) -> Any:
        with observer.other(self):
            return original(self, *args, **kwargs)

    return other


def _next(observer: TrainingObserver, framework: Backend, original: Callable[..., Any]) -> Callable[..., Any]:
    in_stateless_scope = importlib.import_module("keras.src.backend").in_stateless_scope

    @functools.wraps(original)
    def next_seed(self: Any, *args: Any, **kwargs: Any) -> Any:
        seed = original(self, *args, **kwargs)
        if not counts_in_own_backend(self):
            return seed
        # In a stateless scope what is counted is an update of the scope, and not in the state.
        if framework.is_concrete(seed) and not in_stateless_scope():
            observer.drew(self.state, seed)
        return seed

    return next_seed


def take_state_back(model: Any) -> None:
    """Puts the state that JAX's training loop holds into the model's variables, which are empty in between."""
    sync = getattr(model, "jax_state_sync", None)
    if sync is not None:
        sync()


def held_state(model: Any) -> dict[int, Any] | None:
    """Returns the non-trainable state that JAX's training loop holds now, by id of the variable; None if none."""
    state = getattr(model, "_jax_state", None)
    if not state or model._jax_state_synced:
        return None
    held = state["non_trainable_variables"]
    return {id(variable): value for variable, value in zip(model.non_trainable_variables, held, strict=True)}


def seed_states(model: Any) -> list[Any]:
    """Returns the states of all seed generators of a model (`SeedGenerator.__init__` gives them their name)."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]


def user_callbacks(callbacks: Any) -> list[Any]:
    """Returns the callbacks in an argument of `fit` that run code of the user's.

    Those of Keras do not draw, but some of them (`LambdaCallback`, `LearningRateScheduler`) hold functions of the
    user's. A callback that is `async_safe` may run in another thread at any time: there is no moment that is its own.
    """
    if callbacks is None:
        return []
    if isinstance(callbacks, (list, tuple)):
        return [found for item in callbacks for found in user_callbacks(item)]
    if type(callbacks).__name__ == "CallbackList":
        return user_callbacks(callbacks.callbacks)
    if getattr(callbacks, "async_safe", False) or _module(type(callbacks)).startswith("samefit."):
        return []
    functions = [value for value in vars(callbacks).values() if inspect.isroutine(value)]
    own = [base for base in type(callbacks).__mro__[:-1] if not _module(base).startswith("keras.")]
    return [callbacks] if own or not all(_module(one).startswith("keras.") for one in functions) else []


def _module(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "")


def hooks_of(callback: Any) -> list[str]:
    """Returns the names of the hooks that a callback has of its own."""
    base = importlib.import_module("keras.src.callbacks.callback").Callback
    return [
        name
        for name in dir(base)
        if name.startswith("on_")
        and (name in vars(callback) or getattr(type(callback), name, None) is not getattr(base, name))
    ]


@contextlib.contextmanager
def instance_attribute(thing: Any, name: str, value: Any) -> Iterator[None]:
    """Gives an object an attribute, and puts back on leaving what it had, unless somebody replaced it meanwhile."""
    before = vars(thing).get(name, _ABSENT)
    setattr(thing, name, value)
    try:
        yield
    finally:
        if vars(thing).get(name, _ABSENT) is value:
            if before is _ABSENT:
                delattr(thing, name)
            else:
                setattr(thing, name, before)
