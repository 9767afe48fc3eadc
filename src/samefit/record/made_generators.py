"""Generators that a line of the user's makes, or that a library makes for it: what the ledger says of them.

Their draws cannot be watched; the seed says what these will be. Only the standard library is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from samefit.attribution import caller, is_importing, is_made_for_user, kind_of
from samefit.calls import seed_of_random_state
from samefit.given_seeds import called_by_user, has_seed, name_of
from samefit.types import WITHOUT_SEED

if TYPE_CHECKING:
    from samefit.record.ledger import Ledger

_STATE = "numpy.random.RandomState"


class MadeGenerators:
    """Adds entries for generators that are made with a seed, and for libraries that were given none.

    Args:
        ledger: Where the entries go.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def get_other_seeds(self) -> bool:
        """Whether a re-run gives the other side's seed somewhere, or what it takes in place of one."""
        return self._ledger.replace_seed is not None or self._ledger.replay_entropy is not None

    def made(self, function: str, seed: int, frame: FrameType) -> None:
        """`frame` makes a generator with a seed; nothing is said where no line of the user's is behind it."""
        where = caller(frame).location
        if where is not None:
            own = {"generator": "own", "function": function, "value": seed, "location": where}
            self._ledger.note("create", keras=name_of(called_by_user(frame)), **own)

    def takes_entropy(self, frame: FrameType) -> None:
        """`frame` makes one of NumPy's older generators with a seed: these take entropy all the same."""
        # In a re-run the hook that may give it another seed says so.
        if not self.get_other_seeds:
            self.random_state(frame, seed_of_random_state(frame))

    def random_state(self, frame: FrameType, seed: int | None, used: int | None = None) -> None:
        """`frame` makes a `RandomState`; nothing is said where a library gives it a seed of its own.

        Args:
            frame: The frame.
            seed: The seed that stands there.
            used: The one that it gets instead, in a re-run.
        """
        called = called_by_user(frame)
        if seed is not None and (called is None or has_seed(called, seed)):
            self.made(_STATE, seed if used is None else used, frame)

    def making(self, frame: FrameType, seed: int | None) -> int | None:
        """Returns the seed to use where `frame` makes a `RandomState` with one, or (None) without."""
        if seed is None:
            return self._ledger.guard(lambda: self._making_without(frame), None)
        used: int = self._ledger.seeding(seed, "RandomState", frame)
        self._ledger.guard(lambda: self.random_state(frame, seed, used), None)
        return used

    def _making_without(self, frame: FrameType) -> int | None:
        replay, where = self._ledger.replay_entropy, caller(frame).location
        used: int | None = None if replay is None or where is None else replay(_STATE, where.code, None)
        if used is not None:
            self.made(_STATE, used, frame)
        return used

    def making_random(self, frame: FrameType, seed: int) -> int:
        """Returns the seed to use where `frame`, the constructor of `random.Random`, is given one."""
        return self._ledger.guard(lambda: self._making_random(frame, seed), seed)

    def _making_random(self, frame: FrameType, seed: int) -> int:
        maker = frame.f_back
        if maker is None or not is_made_for_user(maker):
            return seed
        used: int = self._ledger.seeding(seed, "random.Random", frame)
        called = called_by_user(maker)
        if called is None or has_seed(called, seed):
            self.made("random.Random", used, maker)
        return used

    def take_shared(self, frame: FrameType, shared: Any, make: Callable[[int], Any]) -> Any:
        """Returns NumPy's process-wide generator to whom asks for it below all functions that draw from it.

        Args:
            frame: Who asks.
            shared: The generator.
            make: Makes another one of a seed, where a re-run gives one.
        """
        called = self._ledger.guard(lambda: _asking(frame), None)
        if called is None:
            return shared
        seed = self._ledger.seeding(None, "shared", frame) if self.get_other_seeds else None
        if seed is not None:
            return make(seed)
        return self._ledger.draw("numpy", f"{name_of(called)}{WITHOUT_SEED}", lambda: shared)


def _asking(frame: FrameType) -> FrameType | None:
    """Returns the function of a library that the user's line called, and that asks; None for anybody else."""
    return called_by_user(frame) if kind_of(frame.f_code) == "library" and not is_importing(frame) else None
