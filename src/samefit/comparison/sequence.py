"""The steps of one side, one after the other, as they are paired with those of the other side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import overload

from samefit.store.reader import Run
from samefit.store.records import StepRecord, TrainingRecord
from samefit.store.stored_steps import StepTexts


class Steps(Sequence[StepRecord]):
    """All steps of some trainings, by position; a step is read when it is asked for.

    Args:
        run: A run.
        trainings: Trainings of it.
        in_turn: Whether they come one after the other, in the order of `trainings`; else all steps come in run order.
    """

    def __init__(self, run: Run, trainings: Sequence[TrainingRecord], *, in_turn: bool = False) -> None:
        self.run = run
        self.in_turn = in_turn
        self.numbers = tuple(training.number for training in trainings)
        self.indices = run.places(self.numbers, in_turn=in_turn)

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, position: int) -> StepRecord: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[StepRecord]: ...

    def __getitem__(self, position: int | slice) -> StepRecord | Sequence[StepRecord]:
        if isinstance(position, slice):
            return [self.run.step(index) for index in self.indices[position]]
        return self.run.step(self.indices[position])

    def chains(self, position: int) -> tuple[bytes, bytes]:
        """Returns the two chains of digests up to a step: of what a training consists of, and of what else acts."""
        return self.run.chains(self.indices[position])

    def training(self, position: int) -> int:
        """Returns the number of the training of a step."""
        return self.indices.training(position)

    def begins(self, position: int) -> bool:
        """Whether a step is the first of its training."""
        return self.indices.begins(position)

    def texts(self, begin: int) -> Iterator[StepTexts]:
        """Yields batch, logs and generators of the steps from the position `begin` on, as they are stored."""
        for numbers, index in self._parts(begin):
            yield from self.run.step_texts(numbers, index)

    def states(self, begin: int) -> Iterator[tuple[int, bytes]]:
        """Yields (position, digests) of the states after the steps from the position `begin` on."""
        for numbers, first in self._parts(begin):
            for index, digests in self.run.state_digests(numbers, first):
                yield next(self.indices.positions([index])), digests

    def _parts(self, begin: int) -> Iterator[tuple[Sequence[int], int]]:
        """Yields what can be read in run order: numbers of trainings, and the index of the step to begin with."""
        if not self.in_turn:
            yield self.numbers, self.indices[begin]
            return
        beginnings = [begin, *(position for position in self.indices.beginnings() if position > begin)]
        for position in beginnings:
            yield (self.indices.training(position),), self.indices[position]
