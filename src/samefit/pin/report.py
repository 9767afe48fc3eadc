"""What a pinned scope did, and what it could not do: nothing that is not pinned stays unsaid."""

from __future__ import annotations

import atexit
import dataclasses
import os
from dataclasses import dataclass

from samefit.pin.spool import Spool, told
from samefit.types import Location


@dataclass(frozen=True)
class Limit:
    """Something in the scope that is not pinned in full.

    Attributes:
        kind: Short name of the limit, from a fixed list in the docs: "ambiguous-order", "untraceable-model",
            "native-draw", "own-order", "dropout-off", "raw-draw", ...
        text: What it is, and what follows from it, in one sentence.
        remedy: What the user can do, in one sentence.
        location: The line of the user's code, if it is known.
    """

    kind: str
    text: str
    remedy: str = ""
    location: Location | None = None


class PinReport:
    """What a pinned scope did.

    Processes that the script starts have a copy of it: what is said there goes to the scope that started them.

    Args:
        seed: The seed of the scope.
        spool: Where other processes say what they have to say; None if they have a copy of this report.

    Attributes:
        seed: The seed of the scope.
        switched: Determinism switches that the scope set: {name: value}.
    """

    def __init__(self, seed: int, spool: Spool | None = None) -> None:
        self.seed = seed
        self.switched: dict[str, str] = {}
        self._limits: list[Limit] = []
        self._process = os.getpid() if spool is None else spool.process
        self._spool = spool
        self._told: set[tuple[Spool, Limit]] = set()

    @property
    def limits(self) -> list[Limit]:
        """What could not be pinned, each said once."""
        if self._spool is not None and self.is_here and self._spool.is_open:
            for said in self._spool.said():
                place = said.pop("location")
                self.limit(Limit(**said, location=None if place is None else Location(**place)))
        return self._limits

    @property
    def is_here(self) -> bool:
        """Whether the scope was entered in this process."""
        return os.getpid() == self._process

    @property
    def is_over(self) -> bool:
        """Whether this is the copy of another process, and the scope was left there."""
        return not self.is_here and (self._spool is None or not self._spool.is_open)

    @property
    def spool(self) -> Spool:
        """Where other processes say what they have to say."""
        if self._spool is None:
            try:
                self._spool = Spool.open()
            except OSError as error:
                self._spool = Spool("", os.getpid())
                self.limit(_unheard(error))
            # The scope of `--pin` is open to the end.
            atexit.register(self.close)
        return self._spool

    def prepare(self) -> None:
        """A process is about to be forked, which may have something to say."""
        if self.is_here:
            _ = self.spool

    def limit(self, limit: Limit) -> None:
        """Adds a limit, once."""
        if self.is_here:
            if limit not in self._limits:
                self._limits.append(limit)
            return
        spool = told() or self._spool
        if spool is not None and (spool, limit) not in self._told:
            self._told.add((spool, limit))
            spool.say(dataclasses.asdict(limit))

    def close(self) -> None:
        """The scope is left: what other processes say from now on is no matter of it."""
        if self._spool is not None and self.is_here and self._spool.is_open:
            _ = self.limits
            self._spool.close()
        atexit.unregister(self.close)


def _unheard(error: OSError) -> Limit:
    """Processes have nowhere to say what they cannot pin."""
    return Limit(
        "worker-draw",
        f"what the processes that the script starts draw is not known: no temporary file could be made ({error})",
        "give the script a directory that it may write to:  TMPDIR=...",
    )
