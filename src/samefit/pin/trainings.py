"""Which training runs, the number that it has, and the generators under it.

The number counts the trainings of one model, not those of the script: the first `fit` of a model is 0 wherever it
stands, so it is the same training alone. Process-wide generators begin each training, and each epoch of it, from a key
of (seed, number, epoch).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samefit.by_object import ByObject
from samefit.patches import pinning
from samefit.pin import order
from samefit.pin.direct_calls import DirectCalls
from samefit.pin.here import here
from samefit.pin.isolation import Callbacks, Generators
from samefit.pin.keys import key
from samefit.pin.own_loops import OwnLoops
from samefit.pin.passes import Passes
from samefit.pin.resume import pin_resuming
from samefit.pin.shared_layers import SharedLayers

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_ACTIVE: list[Trainings] = []
"""The scopes that are open, the innermost last; only that one pins."""


def pin_trainings(scope: PinScope) -> None:
    """Numbers the trainings of a scope, orders their data and keeps everything else away from them."""
    trainings = Trainings(scope)
    order.pin_order(scope, trainings)
    pinning.watch_trainings(scope.patches, scope.backend, trainings)
    pin_resuming(scope, trainings)
    _ACTIVE.append(trainings)
    scope.leaving.callback(_ACTIVE.remove, trainings)


def in_trainer() -> bool:
    """Says whether a `fit`, an `evaluate`, a `train_on_batch`, … of Keras's runs in this thread."""
    return bool(_ACTIVE) and _ACTIVE[-1].running


@dataclass
class Training:
    """A `fit` that runs.

    Attributes:
        model: The model that is trained.
        number: How many trainings of the same model came before it.
        callbacks: Its callbacks.
        epoch: The epoch that runs, or the one to come.
        has_data: Whether the iterator over its data was made.
        counted: Whether an epoch has begun: a `fit` that fails on its arguments is no training.
        when_done: Called when it has ended by itself, with the generators where it leaves them.
    """

    model: Any
    number: int
    callbacks: Callbacks
    epoch: int = 0
    has_data: bool = False
    counted: bool = False
    when_done: Callable[[], None] = lambda: None


@dataclass
class _Count:
    trainings: int = 0


class _Running(threading.local):
    """What runs in a thread.

    Attributes:
        stack: Its trainings, the inner one last.
        apart: How many calls run that are no direct ones: `evaluate`, `predict`, `train_on_batch`, ...
    """

    def __init__(self) -> None:
        self.stack: list[Training] = []
        self.apart = 0


class Trainings:
    """Keeps track of the trainings in a scope; observer of Keras's trainers.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._generators = Generators(scope.backend)
        self._counts: ByObject[_Count] = ByObject()
        self._direct_calls = DirectCalls(scope.backend)
        self._shared_layers = SharedLayers(scope.backend)
        self._passes = Passes(self._generators)
        self._loops = OwnLoops(scope)
        self._running = _Running()
        self._generators.seed(scope.seed)

    @property
    def _idle(self) -> bool:
        return not _ACTIVE or _ACTIVE[-1] is not self

    @property
    def running(self) -> bool:
        """Whether a `fit`, an `evaluate`, a `train_on_batch`, … runs in this thread."""
        return bool(self._running.stack or self._running.apart)

    def current(self) -> Training | None:
        """Returns the training that runs in this thread, the inner one if there are two; None outside of any."""
        return self._running.stack[-1] if self._running.stack and not self._idle else None

    @contextlib.contextmanager
    def training(self, model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        if self._idle:
            yield
            return
        self._loops.over(model)
        self._direct_calls.put_back(model)
        self._passes.begin_anew(model)
        number = self._count(model).trainings
        callbacks = Callbacks(self._generators, key(self._scope.seed, "callbacks", number), model)
        training = Training(model, number, callbacks)
        with contextlib.ExitStack() as leaving:
            # Whoever draws around it goes on where they were: a script, or the training whose callback this is.
            leaving.callback(self._generators.return_to, self._generators.mark())
            leaving.enter_context(here.under_key())
            if not self._running.stack:
                # One inside of another may share layers with it, and it is not over.
                self._shared_layers.begin(model)
                leaving.enter_context(self._shared_layers.training(model))
            self._generators.seed(self._key(training, 0))
            leaving.enter_context(callbacks.isolated(arguments.get("callbacks")))
            self._running.stack.append(training)
            leaving.callback(self._running.stack.remove, training)
            yield
            training.when_done()

    def epoch(self, epoch: int) -> None:
        training = self.current()
        if training is None:
            return
        training.epoch = epoch
        if not training.counted:
            training.counted = True
            self._count(training.model).trainings += 1
        self._generators.reseed(self._key(training, epoch))

    @contextlib.contextmanager
    def single_step(self, model: Any) -> Iterator[None]:
        training = self.current()
        if training is not None:
            training.callbacks.single_step()
        elif not self._idle and self._loops.step_begins(model):
            # Of later ones nobody knows whether a direct call between them is a part of the loop.
            self._direct_calls.put_back(model)
            self._shared_layers.begin(model)
        self._passes.begin_anew(model)
        with self._apart():
            yield
        if training is None and not self._idle:
            self._loops.step_ended(model)

    @contextlib.contextmanager
    def other(self, model: Any) -> Iterator[None]:
        if self._idle:
            yield
            return
        with self._passes.one(model, in_training=bool(self._running.stack)), self._apart():
            yield

    @contextlib.contextmanager
    def _apart(self) -> Iterator[None]:
        self._running.apart += 1
        try:
            yield
        finally:
            self._running.apart -= 1

    def drew(self, state: Any, seed: Any) -> None:
        order.drew_seed(state)
        if not (self._idle or self.running):
            self._direct_calls.drew(state, seed)
            self._loops.drew(state)

    def _count(self, model: Any) -> _Count:
        count = self._counts.get(model)
        if count is None:
            count = _Count()
            self._counts.add(model, count)
        return count

    def _key(self, training: Training, epoch: int) -> int:
        if training.number == 0 and epoch == 0:
            return self._scope.seed
        return key(self._scope.seed, "epoch", training.number, epoch)
