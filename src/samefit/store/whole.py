"""The chain over what `StepRecord.chain` leaves out: it lets two long runs be compared without a look at every step."""

from __future__ import annotations

from collections.abc import Sequence

from samefit.store.digest import chain
from samefit.store.records import StateRecord, VariableRecord
from samefit.types import Role


class WholeChain:
    """Chains logs, batches, generators and seeds, for each training of a run.

    What does not move has no effect on a training: a generator that nobody draws from may be another one on each side.
    """

    def __init__(self) -> None:
        self._seeds: dict[int, tuple[int, ...]] = {}
        self._chains: dict[int, bytes] = {}
        self._states: dict[int, StateRecord] = {}
        self._moved: dict[int, bytes] = {}

    def layout(self, number: int, variables: Sequence[VariableRecord]) -> None:
        """Notes which variables of a layout are seeds."""
        self._seeds[number] = tuple(i for i, variable in enumerate(variables) if variable.role is Role.SEED)

    def state(self, record: StateRecord) -> None:
        """Notes the state at a moment; what moved since the state before goes into the next step's chain."""
        before = self._states.get(record.training)
        if before is not None and record.moment == "begin":
            # What callbacks did between two epochs: the weights that they move are in the chain itself.
            return
        self._states[record.training] = record
        if before is not None:
            self._moved[record.training] = b"".join(self._moves(before, record))

    def _moves(self, before: StateRecord, after: StateRecord) -> list[bytes]:
        moves = []
        for i in self._seeds.get(after.layout, ()):
            place = slice(16 * i, 16 * i + 16)
            one, other = before.digests[place], after.digests[place]
            if one != other or before.layout != after.layout:
                moves.append(i.to_bytes(8, "little") + one + other)
        return moves

    def chain(self, training: int) -> bytes:
        """Returns the chain of the last step of `training`, empty before its first."""
        return self._chains.get(training, b"")

    def chained(self, training: int, *parts: bytes) -> bytes:
        """Returns the chain of the next step of `training`, whose own record is `parts`."""
        link = chain(self.chain(training), *parts, self._moved.pop(training, b""))
        self._chains[training] = link
        return link
