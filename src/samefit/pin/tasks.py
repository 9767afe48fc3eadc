"""Work for the processes that a script starts: each item has a key of its own, whichever process takes it and when.

A process that was started anew, or forked before the scope was entered, has no hooks of a scope: it gets those that it
needs while it works on an item.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from samefit import backends
from samefit.patches import pin_entropy
from samefit.patches.patching import Patches
from samefit.pin.entropy import Entropy
from samefit.pin.here import here, keyed
from samefit.pin.keys import key
from samefit.pin.report import PinReport
from samefit.pin.spool import Spool, telling


@contextlib.contextmanager
def apart(seed: int, spool: Spool) -> Iterator[None]:
    """In another process than that of the scope: within, all generators are under a key.

    Args:
        seed: The key.
        spool: Where this process says what it has to say meanwhile.
    """
    with contextlib.ExitStack() as leaving:
        leaving.enter_context(telling(spool))
        if not here.scopes:
            patches = Patches(passing=True)
            leaving.callback(patches.undo)
            pin_entropy.watch_entropy(patches, Entropy(PinReport(0, spool)))
        leaving.enter_context(keyed(seed, backends.loaded()))
        yield


@dataclass
class Task:
    """A function that is called with one item after the other, in whichever process; it can be pickled.

    Attributes:
        function: The user's function.
        seed: The seed of the call that hands it to the processes.
        spool: Where it says what it has to say.
        number: The number of the next item, in the order in which they are handed over.
    """

    function: Callable[..., Any]
    seed: int
    spool: Spool
    number: int = 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        number = self.number
        self.number += 1
        if os.getpid() == self.spool.process:
            # In a thread of the scope's own process, which shares its generators.
            return self.function(*args, **kwargs)
        with apart(key(self.seed, "item", number), self.spool):
            return self.function(*args, **kwargs)
