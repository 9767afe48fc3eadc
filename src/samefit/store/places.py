"""Where the steps of some trainings stand in a run, without a list of all of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload


class Places(Sequence[int]):
    """The indices of some steps in run order, held as a few stretches of consecutive steps.

    Where trainings that took turns are told one after the other, the order is another one than that of the run.

    Args:
        stretches: (training, index of its first step, index after its last step), in order.
    """

    def __init__(self, stretches: Sequence[tuple[int, int, int]]) -> None:
        self._stretches = tuple(stretches)
        self._begins = (0, *accumulate(end - begin for _, begin, end in self._stretches))
        self._last = {training: stretch for stretch, (training, _, _) in enumerate(self._stretches)}
        self._in_run_order = sorted(range(len(self._stretches)), key=lambda stretch: self._stretches[stretch][1])
        self._firsts = [self._stretches[stretch][1] for stretch in self._in_run_order]

    def __len__(self) -> int:
        return self._begins[-1]

    @overload
    def __getitem__(self, position: int) -> int: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[int]: ...

    def __getitem__(self, position: int | slice) -> int | Sequence[int]:
        if isinstance(position, slice):
            return [self[p] for p in range(*position.indices(len(self)))]
        if position < 0:
            position += len(self)
        stretch = self._stretch(position)
        return self._stretches[stretch][1] + position - self._begins[stretch]

    def _stretch(self, position: int) -> int:
        if not 0 <= position < len(self):
            raise IndexError(f"position {position} of {len(self)} steps")
        return bisect_right(self._begins, position) - 1

    def training(self, position: int) -> int:
        """Returns the number of the training of the step at `position`."""
        return self._stretches[self._stretch(position)][0]

    def begins(self, position: int) -> bool:
        """Whether the step at `position` follows one of another training, or none."""
        stretch = self._stretch(position)
        if position != self._begins[stretch]:
            return False
        return stretch == 0 or self._stretches[stretch][0] != self._stretches[stretch - 1][0]

    def ends(self, position: int) -> bool:
        """Whether the step at `position` is the last of its training: one that another runs within goes on after it."""
        stretch = self._stretch(position)
        return position + 1 == self._begins[stretch + 1] and self._last[self._stretches[stretch][0]] == stretch

    def beginnings(self) -> Iterator[int]:
        """Yields the positions at which `begins` holds."""
        return (position for position in self._begins[:-1] if self.begins(position))

    def positions(self, indices: Sequence[int]) -> Iterator[int]:
        """Yields the positions of those of `indices` that are among the steps."""
        for index in indices:
            found = bisect_right(self._firsts, index) - 1
            stretch = self._in_run_order[found] if found >= 0 else -1
            if stretch >= 0 and index < self._stretches[stretch][2]:
                yield self._begins[stretch] + index - self._firsts[found]

    def steps_up_to(self, number: int) -> int:
        """Returns how many steps the run has recorded when the first `number` of these are over."""
        last = self._stretch(number - 1)
        ends = [end for _, _, end in self._stretches[:last]]
        return max([self[number - 1] + 1, *ends])
