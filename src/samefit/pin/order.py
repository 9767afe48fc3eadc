"""The order of the data: one function of the seed, the training and the epoch, on every backend.

The permutation of a pass is the order of the 64-bit words of NumPy's Philox generator, whose stream NumPy keeps from
version to version (it does not promise that of `Generator.permutation`).
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from samefit.by_object import ByObject
from samefit.data_code import draws_of
from samefit.patches import pin_data
from samefit.pin.here import keyed
from samefit.pin.isolation import moves
from samefit.pin.keys import key
from samefit.pin.places import places
from samefit.pin.report import Limit
from samefit.pin.spool import Spool
from samefit.pin.tasks import apart
from samefit.types import CodeDraw

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope
    from samefit.pin.trainings import Training, Trainings

Rows = npt.NDArray[np.int64]

_OWN = {
    "tf.data": (
        "Seed the dataset's own `shuffle`, make the dataset anew for each training, and put random layers into the "
        "model; or hand arrays or a keras.utils.PyDataset to `fit`."
    ),
    "DataLoader": (
        "Hand arrays or a keras.utils.PyDataset to `fit`; or give the DataLoader a generator that is seeded before "
        "each training."
    ),
}
_OWN_REMEDY = "Hand arrays or a keras.utils.PyDataset to `fit`; samefit orders both."


_reading = threading.local()
"""`now` is the `_Watch` of the batch that this thread reads, where several threads read; None or absent elsewhere."""


def drew(function: str) -> None:
    """A function was called that draws from a framework's process-wide generator; threads that read share it."""
    watch: _Watch | None = getattr(_reading, "now", None)
    if watch is not None:
        watch.order.drew(function)


def drew_seed(state: Any) -> None:
    """A `SeedGenerator` gave a seed; one that was made for a batch belongs to the thread that reads it."""
    watch: _Watch | None = getattr(_reading, "now", None)
    if watch is not None and watch.order.shared(state, watch):
        watch.order.drew("keras.random")


def pin_order(scope: PinScope, trainings: Trainings) -> None:
    """Pins the order of the data of every `fit` in a scope."""
    pin_data.watch_data(scope.patches, scope.backend, DataOrder(scope, trainings))


class DataOrder:
    """Gives each training's data its order; observer of Keras's epoch iterators.

    Args:
        scope: The scope.
        trainings: Knows which training runs.
    """

    def __init__(self, scope: PinScope, trainings: Trainings) -> None:
        self._scope = scope
        self._trainings = trainings

    def order_for(self, source: pin_data.Source) -> Order | None:
        """Returns the order of the data of a new epoch iterator, or None if it is not samefit's to order.

        The first iterator that a `fit` makes is that of its training data; those of validation come later.
        """
        training = self._trainings.current()
        if training is None or training.has_data:
            return None
        training.has_data = True
        for draw in draws_of(source.shared):
            if draw.kind == "own":
                self._scope.report.limit(_drawn_by_workers(source, draw))
            elif draw.kind == "unread":
                self._scope.report.limit(_unread(source, draw))
        if source.kind in ("array", "batches"):
            return Order(self._scope, training, source)
        if source.kind != "as-it-is":
            self._scope.report.limit(_own_order(source))
        return None

    def reading_apart(self) -> pin_data.Reading:
        """Returns what gives each batch a key that processes read in an order that is not samefit's."""
        return KeyedReading(places.of_next_pool(), 0, 0, self._scope.report.spool)


class Order:
    """The order of one training's data.

    Args:
        scope: The scope.
        training: The training.
        source: What is ordered.

    Attributes:
        pass_epoch: The epoch in which the pass that is drawn next begins. A pass over the data may take several
            epochs (`steps_per_epoch`); it has the order of the first of them.
    """

    def __init__(self, scope: PinScope, training: Training, source: pin_data.Source) -> None:
        self._scope = scope
        self._training = training
        self._source = source
        self._drawn: ByObject[_Watch] = ByObject()
        self.pass_epoch = 0

    def begin_epoch(self, *, continues: bool) -> None:
        """An epoch begins; `continues` says whether it goes on with a pass that an earlier epoch began."""
        if not continues:
            self.pass_epoch = self._training.epoch

    def begin_pass_of_next_epoch(self) -> None:
        """What is drawn from now on belongs to the next epoch."""
        self.pass_epoch = self._training.epoch + 1

    def rows(self, number: int) -> Rows:
        """Returns the numbers of the samples (or batches) in their order.

        Args:
            number: How many there are.

        Returns:
            Vector of shape `(number,)`.
        """
        if not self._source.shuffle:
            return np.arange(number)
        seed = key(self._scope.seed, "order", self._training.number, self.pass_epoch)
        words = np.random.Philox(key=seed).random_raw(number)
        if self._source.block is None:
            return np.argsort(words, kind="stable")
        return np.lexsort((words, np.arange(number) // self._source.block))

    def reading(self, *, in_processes: bool) -> pin_data.Reading:
        """Returns what gives each batch of the pass a key of its own, whoever reads it and when.

        Args:
            in_processes: Whether other processes read.
        """
        spool = self._scope.report.spool if in_processes else None
        return KeyedReading(self._scope.seed, self._training.number, self.pass_epoch, spool)

    @contextlib.contextmanager
    def watching(self, index: int) -> Iterator[None]:
        """Reads a batch in one of several threads, which share the process-wide generators: there is no key for one."""
        number, moving, states = moves.number, moves.running, _states()
        _reading.now = _Watch(self)
        try:
            yield
        finally:
            _reading.now = None
        drawn = _states() != states
        # Where something known has moved them meanwhile, nothing can be said of this batch.
        if drawn and not moving and moves.number == number:
            self.drew("`random` or `numpy.random`")

    def drew(self, what: str) -> None:
        """A thread that reads has drawn from what it shares with the others."""
        self._scope.report.limit(_drawn_in_threads(self._source, what))

    def shared(self, state: Any, watch: _Watch) -> bool:
        """Whether another batch drew from a seed generator as well."""
        first = self._drawn.get(state)
        if first is None:
            self._drawn.add(state, watch)
        return first is not None and first is not watch


class _Watch:
    """The reading of one batch in one of several threads."""

    def __init__(self, order: Order) -> None:
        self.order = order


@dataclass(frozen=True)
class KeyedReading:
    """Gives each batch that is read a key of its own: it draws the same numbers, whoever reads it and when.

    Attributes:
        spool: Where the process of a worker that reads it says what it has to say; None if it is read here. There the
            generators of frameworks are under the key; here a step may be traced meanwhile and draw from them, and
            batches are read one after the other.
    """

    seed: int
    training: int
    epoch: int
    spool: Spool | None = None

    def __call__(self, index: int) -> contextlib.AbstractContextManager[None]:
        its_key = key(self.seed, "batch", self.training, self.epoch, index)
        return keyed(its_key) if self.spool is None else apart(its_key, self.spool)


def _states() -> tuple[object, bytes]:
    numpy = np.random.get_state(legacy=False)["state"]
    return random.getstate(), str(numpy["pos"]).encode() + numpy["key"].tobytes()


def _drawn_in_threads(source: pin_data.Source, what: str) -> Limit:
    return Limit(
        "raw-draw",
        f"{source.name} draws from a generator that its threads share ({what}): which batch gets which numbers depends "
        "on their timing.",
        "Draw from  numpy.random.default_rng((seed, index))  in `__getitem__`, or use workers=1, or "
        "use_multiprocessing=True.",
    )


_BY_INDEX = "Draw from  numpy.random.default_rng((seed, index))  in `__getitem__`, or use workers=1."


def _drawn_by_workers(source: pin_data.Source, draw: CodeDraw) -> Limit:
    return Limit(
        "raw-draw",
        f"{source.name} draws from a generator of its own ({draw.text}), and its workers take the batches as they "
        "come: which batch gets which numbers depends on their timing.",
        _BY_INDEX,
        draw.location,
    )


def _unread(source: pin_data.Source, draw: CodeDraw) -> Limit:
    return Limit(
        "raw-draw",
        f"the code of {draw.function}, which makes batches of {source.name}, could not be read: what it draws while "
        "workers take the batches as they come is not known.",
        _BY_INDEX,
        draw.location,
    )


def _own_order(source: pin_data.Source) -> Limit:
    how = {
        "tf.data": "samefit seeds TensorFlow's global generator, but the order, and what its maps draw, also depend "
        "on when the dataset was made and on how often it was read.",
        "DataLoader": "samefit resets PyTorch's default generator before each epoch, from which an unseeded DataLoader "
        "draws, so it repeats; the order is not that of other kinds of data.",
    }.get(source.kind, "samefit resets the process-wide generators before each epoch, no more.")
    return Limit(
        "own-order",
        f"{source.name} has an order of its own. {how}",
        _OWN.get(source.kind, _OWN_REMEDY),
    )
