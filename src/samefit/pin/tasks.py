"""Work for the processes that a script starts: each item has a key of its own, whichever process takes it and when.

A process that was started anew, or forked before the scope was entered, has no hooks of a scope: it gets those that it
needs while it works on an item.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from samefit import backends
from samefit.patches import keras_seed, pin_entropy
from samefit.patches.default_seeds import default_seeds, draws_from_python
from samefit.patches.patching import Patches
from samefit.pin.entropy import Entropy
from samefit.pin.here import here, keyed
from samefit.pin.keys import key
from samefit.pin.places import places
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
        before, here.thread = here.thread, threading.get_ident()
        leaving.callback(setattr, here, "thread", before)
        leaving.callback(places.setstate, places.getstate())
        places.begin(seed)
        leaving.enter_context(keyed(seed, backends.loaded()))
        if "keras.src.random.seed_generator" in sys.modules:
            leaving.enter_context(_keras_under(seed))
        yield


@contextlib.contextmanager
def _keras_under(seed: int) -> Iterator[None]:
    """Puts what Keras draws seeds from under a key."""
    with keras_seed.kept(), contextlib.ExitStack() as leaving:
        keras_seed.begin_later(seed)
        if not draws_from_python():
            leaving.callback(default_seeds().setstate, default_seeds().getstate())
            default_seeds().seed(seed)
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
        elsewhere = here.thread not in (None, threading.get_ident())
        if elsewhere or os.getpid() == self.spool.process:
            # In a thread of the scope's own process, or of one that works on a task: it shares the generators of all.
            return self.function(*args, **kwargs)
        with apart(key(self.seed, "item", number), self.spool):
            return self.function(*args, **kwargs)
