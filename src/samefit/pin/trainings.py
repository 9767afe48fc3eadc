"""Which training runs, the number that it has, and the generators under it.

The number counts the trainings of one model, not those of the script: the first `fit` of a model is 0 wherever it
stands, so it is the same training alone. Process-wide generators begin each training, and each epoch of it, from a key
of (seed, number, epoch).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from samefit.by_object import ByObject
from samefit.patches import pinning
from samefit.pin.isolation import Callbacks, Generators, kept
from samefit.pin.keys import key
from samefit.pin.order import pin_order
from samefit.pin.resume import pin_resuming

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_ACTIVE: list[Trainings] = []
"""The scopes that are open, the innermost last; only that one pins."""


def pin_trainings(scope: PinScope) -> None:
    """Numbers the trainings of a scope, orders their data and keeps everything else away from them."""
    trainings = Trainings(scope)
    pin_order(scope, trainings)
    pinning.watch_trainings(scope.patches, scope.backend, trainings)
    pin_resuming(scope, trainings)
    _ACTIVE.append(trainings)
    scope.leaving.callback(_ACTIVE.remove, trainings)


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
    """

    model: Any
    number: int
    callbacks: Callbacks
    epoch: int = 0
    has_data: bool = False
    counted: bool = False


@dataclass
class _Count:
    trainings: int = 0


class Trainings:
    """Keeps track of the trainings in a scope; observer of Keras's trainers.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._generators = Generators(scope.backend)
        self._counts: ByObject[_Count] = ByObject()
        self._running = threading.local()
        self._generators.seed(scope.seed)

    @property
    def _stack(self) -> list[Training]:
        if not hasattr(self._running, "stack"):
            self._running.stack = []
        stack: list[Training] = self._running.stack
        return stack

    @property
    def _idle(self) -> bool:
        return not _ACTIVE or _ACTIVE[-1] is not self

    def current(self) -> Training | None:
        """Returns the training that runs in this thread, the inner one if there are two; None outside of any."""
        return self._stack[-1] if self._stack and not self._idle else None

    @contextlib.contextmanager
    def training(self, model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        if self._idle:
            yield
            return
        number = self._count(model).trainings
        callbacks = Callbacks(self._generators, key(self._scope.seed, "callbacks", number), model)
        training = Training(model, number, callbacks)
        with contextlib.ExitStack() as leaving:
            if self._stack:
                # A training inside of another one, in a callback: the outer one goes on where it was.
                leaving.callback(self._generators.return_to, self._generators.mark())
            self._generators.seed(self._key(training, 0))
            leaving.enter_context(callbacks.isolated(arguments.get("callbacks")))
            self._stack.append(training)
            leaving.callback(self._stack.remove, training)
            yield

    def epoch(self, epoch: int) -> None:
        training = self.current()
        if training is None:
            return
        training.epoch = epoch
        if not training.counted:
            training.counted = True
            self._count(training.model).trainings += 1
        self._generators.reseed(self._key(training, epoch))

    def single_step(self) -> None:
        training = self.current()
        if training is not None:
            training.callbacks.single_step()

    @contextlib.contextmanager
    def other(self, model: Any) -> Iterator[None]:
        if self._idle:
            yield
            return
        with kept(self._generators, model):
            yield

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
