"""What is known of the process that runs: whether it was forked in a pinned scope, and works under a key.

A process that was forked in a scope has a copy of the hooks of the scope, and of its generators.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from samefit.pin.places import places

if TYPE_CHECKING:
    from samefit.backends.base import Backend


class _Here:
    """This process.

    Attributes:
        scopes: How many scopes are open in it, or were when it was forked.
        is_fork: Whether it was forked inside of one.
        seeded: The generators that somebody has seeded since then: "Python", "NumPy", "torch", ...
        keys: Under how many keys it works, one inside of the other.
        thread: The thread that works on a task; None while there is none.
    """

    def __init__(self) -> None:
        self.scopes = 0
        self.is_fork = False
        self.seeded: set[str] = set()
        self.keys = 0
        self.thread: int | None = None

    def forked(self, seed: int) -> None:
        """It was forked inside of a scope, which gives it a seed.

        Python has just seeded its own generator from the operating system (Lib/random.py, CPython 3.11 to 3.13); the
        others are what they were in the process that it comes from.
        """
        random.setstate(random.Random(seed).getstate())
        # What it starts itself is counted by itself.
        places.begin(seed)
        self.is_fork, self.keys, self.thread = True, 0, None
        # Only now: to put it there was no seed of somebody's.
        self.seeded.clear()

    def was_seeded(self, generator: str) -> None:
        """Somebody seeds a process-wide generator, or puts it into a state."""
        if self.is_fork and not self.keys:
            self.seeded.add(generator)

    def is_loose(self, generator: str) -> bool:
        """Whether a process-wide generator is one of a forked process, with no key and no seed of its own."""
        return self.is_fork and not self.keys and generator not in self.seeded

    @contextlib.contextmanager
    def under_key(self) -> Iterator[None]:
        """Within, what the process draws has a key: a training, a batch, a task."""
        self.keys += 1
        try:
            yield
        finally:
            self.keys -= 1


here = _Here()


@contextlib.contextmanager
def keyed(seed: int, frameworks: Sequence[Backend] = ()) -> Iterator[None]:
    """Puts Python's and NumPy's generators, and those of frameworks, under a key, and back afterwards.

    The first two are set, not seeded: nothing of it stands in a recorder's ledger, which would grow by two entries a
    batch.
    """
    with here.under_key():
        python = random.getstate()
        numpy = np.random.get_state(legacy=False)
        random.setstate(random.Random(seed).getstate())
        np.random.set_state(np.random.RandomState(seed).get_state(legacy=False))
        marks = [(framework, framework.mark()) for framework in frameworks]
        for framework in frameworks:
            framework.reseed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
            for framework, mark in marks:
                framework.return_to(mark)
