"""How many pools of processes, and how many processes, were begun since the generators of the process were seeded."""

from __future__ import annotations

from samefit.pin.keys import key


class Places:
    """Gives each pool, and each process that is forked, a seed: it counts as a generator does that is drawn from."""

    def __init__(self) -> None:
        self._seed = self._pools = self._processes = 0

    def begin(self, seed: int) -> None:
        """Seeds it: what is begun from now on is counted anew."""
        self._seed, self._pools, self._processes = seed, 0, 0

    def getstate(self) -> tuple[int, int, int]:
        """Returns where it stands."""
        return self._seed, self._pools, self._processes

    def setstate(self, state: tuple[int, int, int]) -> None:
        """Puts it to where `getstate` found it."""
        self._seed, self._pools, self._processes = state

    def of_next_pool(self) -> int:
        """Returns the seed of a pool that is begun."""
        self._pools += 1
        return key(self._seed, "pool", self._pools)

    def of_next_process(self) -> int:
        """Returns the seed of a process that is begun."""
        self._processes += 1
        return key(self._seed, "process", self._processes)


places = Places()
