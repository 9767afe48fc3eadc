"""The steps of two sides, paired by position, and how their variables pair."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from functools import cached_property

from samefit.align import Alignment, align_models
from samefit.comparison.order import is_in_turn
from samefit.comparison.sequence import Steps
from samefit.store.reader import Run
from samefit.store.records import StateRecord, TrainingRecord, VariableRecord
from samefit.store.stored_steps import StepTexts
from samefit.types import Role

MISSING = bytes(16)
"""Stands for a variable that could not be read."""

_WEIGHTS = (Role.TRAINABLE, Role.NON_TRAINABLE)


class Pairing:
    """The steps of two sides, paired by position, and how their variables pair.

    Args:
        run_a: The baseline's run.
        run_b: The candidate's run.
        trainings_a: The baseline's trainings.
        trainings_b: The candidate's trainings; where those of a side stand in another order than that in which they
            began (`samefit.comparison.order`), they are paired one after the other, also if they took turns.
    """

    def __init__(
        self, run_a: Run, run_b: Run, trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]
    ) -> None:
        self.run_a, self.run_b = run_a, run_b
        in_turn = is_in_turn(trainings_a) or is_in_turn(trainings_b)
        self.steps_a, self.steps_b = (
            Steps(run, trainings, in_turn=in_turn) for run, trainings in ((run_a, trainings_a), (run_b, trainings_b))
        )
        self._alignments: dict[tuple[int, int, int, int], Alignment] = {}

    def __len__(self) -> int:
        return min(len(self.steps_a), len(self.steps_b))

    def trainings_at(self, position: int) -> tuple[TrainingRecord, TrainingRecord]:
        """Returns the trainings of a pair of steps."""
        return (
            self.run_a.training(self.steps_a.training(position)),
            self.run_b.training(self.steps_b.training(position)),
        )

    def states_after(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns the states after a pair of steps."""
        return (
            self.run_a.state_after(self.steps_a.indices[position]),
            self.run_b.state_after(self.steps_b.indices[position]),
        )

    def states_before(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns the states before a pair of steps."""
        return (
            self.run_a.state_before(self.steps_a.indices[position]),
            self.run_b.state_before(self.steps_b.indices[position]),
        )

    def states_at_end(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns the states when the trainings of a pair of steps had ended."""
        return (
            self.run_a.end_state(self.steps_a.training(position)),
            self.run_b.end_state(self.steps_b.training(position)),
        )

    def _states_at_begin(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        return (
            self.run_a.begin_state(self.steps_a.training(position)),
            self.run_b.begin_state(self.steps_b.training(position)),
        )

    def final_apart(self, position: int) -> list[VariableRecord]:
        """Returns the baseline's variables that differ when the trainings of a pair of steps are over: `fit` returns.

        What the optimizer holds then acts on what is trained next: it is no part of what was trained.
        """
        first = self.run_a.final_state(self.steps_a.training(position))
        second = self.run_b.final_state(self.steps_b.training(position))
        if first is None or second is None:
            return []
        layout = self.run_a.layouts[first.layout]
        parted = differing(self.align(position, first, second), first, second)
        return [layout[i] for i, _ in parted if layout[i].role in (*_WEIGHTS, Role.OPTIMIZER)]

    def has_states_after(self, position: int) -> bool:
        """Whether both sides recorded the state after a pair of steps."""
        return self.run_a.has_state(self.steps_a.indices[position]) and self.run_b.has_state(
            self.steps_b.indices[position]
        )

    def is_changed_before(self, position: int) -> bool:
        """Whether a side has recorded that something changed its state between two steps, before a pair of steps."""
        return self.run_a.has_begin(self.steps_a.indices[position]) or self.run_b.has_begin(
            self.steps_b.indices[position]
        )

    def begins(self, position: int) -> bool:
        """Whether a training begins with a pair of steps, on either side."""
        return self.steps_a.begins(position) or self.steps_b.begins(position)

    def align(self, position: int, state_a: StateRecord, state_b: StateRecord) -> Alignment:
        """Pairs the variables of two states."""
        training_a, training_b = self.trainings_at(position)
        key = (training_a.model, state_a.layout, training_b.model, state_b.layout)
        if key not in self._alignments:
            self._alignments[key] = align_models(
                self.run_a,
                self.run_a.models[training_a.model],
                self.run_a.layouts[state_a.layout],
                self.run_b,
                self.run_b.models[training_b.model],
                self.run_b.layouts[state_b.layout],
            )
        return self._alignments[key]

    def logs_other_means(self, position: int, step_a: int, step_b: int) -> bool:
        """Whether the losses that are logged of a pair of steps are other means, so that they differ where none does.

        `fit` logs the mean over the epoch so far, `train_on_batch` and a loop of the user's own the loss of the batch.

        Args:
            position: The pair.
            step_a: 0-based step of the baseline within its epoch.
            step_b: The candidate's.
        """
        if step_a != step_b:
            return True
        one, other = (training.kind == "fit" for training in self.trainings_at(position)) if step_a else (True, True)
        return one != other

    def _states_near(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns states around a pair of steps, else of their trainings, else the first that both sides have."""
        for find in (self.states_after, self.states_before, self._states_at_begin):
            pair = find(position)
            if None not in pair:
                return pair
        later = next((p for p in range(len(self)) if self.has_states_after(p)), None)
        return (None, None) if later is None else self.states_after(later)

    def layouts_at(self, position: int) -> tuple[tuple[VariableRecord, ...], tuple[VariableRecord, ...]]:
        """Returns the variables of a pair of steps."""
        first, second = self._states_near(position)
        if first is None or second is None:
            return (), ()
        return self.run_a.layouts[first.layout], self.run_b.layouts[second.layout]

    def alignment_at(self, position: int) -> Alignment:
        """Pairs the variables of a pair of steps."""
        first, second = self._states_near(position)
        if first is None or second is None:
            return Alignment((), (), "none")
        return self.align(position, first, second)

    @staticmethod
    def weights(alignment: Alignment, layout_a: Sequence[VariableRecord]) -> list[tuple[int, int]]:
        """Returns the pairs that are weights."""
        return [(i, j) for i, j in alignment.pairs if layout_a[i].role in _WEIGHTS]

    # -- finding quickly where two long runs part -------------------------------------------------------------------

    @cached_property
    def beginnings(self) -> Sequence[int]:
        """The positions at which a training begins, on either side."""
        both = {*self.steps_a.indices.beginnings(), *self.steps_b.indices.beginnings()}
        return sorted(position for position in both if position < len(self))

    @cached_property
    def ends(self) -> Sequence[int]:
        """The positions at which a training ends on both sides."""
        before = [position - 1 for position in self.beginnings if position]
        last = [len(self) - 1] if len(self) else []
        return [p for p in [*before, *last] if self.steps_a.indices.ends(p) and self.steps_b.indices.ends(p)]

    def known_equal(self, position: int) -> int | None:
        """Returns how many steps are known to be equal before the first difference, at a pair of steps.

        None stands for all of them: then both sides recorded the state before it, and read what goes into it.
        """
        unread = any(steps[position].is_passed_over for steps in (self.steps_a, self.steps_b))
        if None not in self.states_before(position) and not unread:
            return None
        while position and not self.begins(position) and not self.has_states_after(position - 1):
            position -= 1
        return position

    @cached_property
    def _equal(self) -> tuple[int, int]:
        """How many steps from the first on have equal chains: the one alone, and both.

        Found by bisection within each training, as long as both sides begin their trainings at the same steps.
        """
        proven, clean = 0, 0
        for position, end in zip(self.beginnings, [*self.beginnings[1:], len(self)], strict=False):
            together = self.steps_a.begins(position) and self.steps_b.begins(position)
            if not together or not self._chains_mean_the_same(position):
                break
            proven = self._bisect(position, end, 0)
            if clean == position:
                clean = self._bisect(position, proven, 1)
            if proven < end:
                break
        return proven, clean

    @property
    def clean(self) -> int:
        """How many of the `proven` steps are also equal in all else that can act: logs, generators, seeds that move.

        Of the seeds it is known only where the step after one is clean, too: the last of them deserves a look.
        """
        return min(self._equal)

    @cached_property
    def proven(self) -> int:
        """How many steps from the first on have equal batch, loss and state by their chains alone.

        The chain leaves out other logs and generators of random numbers, and the batches inside of a compiled loop of
        several steps: `suspicious` finds those.
        """
        proven, clean = self._equal
        return min(proven, next((p for p in self._other_batches(clean, proven)), proven))

    def _bisect(self, begin: int, end: int, which: int) -> int:
        """Returns the first position in [begin, end] whose chains differ (`end` if none does)."""
        if begin == end or self._chained(end - 1, which):
            return end
        low, high = begin, end - 1  # below `low` all is equal; at `high` it is not
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._chained(middle, which) else (low, middle)
        return low

    def _chained(self, position: int, which: int) -> bool:
        one = self.steps_a.chains(position)[which]
        return bool(one) and one == self.steps_b.chains(position)[which]

    def _chains_mean_the_same(self, position: int) -> bool:
        """Whether equal bytes of a state mean equal variables: they pair by position."""
        first, second = self._states_near(position)
        if first is None or second is None:
            return False
        alignment = self.align(position, first, second)
        size = len(self.run_a.layouts[first.layout])
        whole = size == len(self.run_b.layouts[second.layout]) == len(alignment.pairs)
        return whole and all(i == j for i, j in alignment.pairs)

    def _other_batches(self, begin: int, end: int) -> Iterator[int]:
        """Yields the positions in [begin, end) whose batches differ."""
        for position, one, other in self.texts(begin):
            if position >= end:
                return
            if one[0] is not None and other[0] is not None and one[0] != other[0]:
                yield position

    def texts(self, begin: int = 0) -> Iterator[tuple[int, StepTexts, StepTexts]]:
        """Yields (position, texts, texts) of the pairs of steps from the position `begin` on, as they are stored."""
        if begin >= len(self):
            return
        sides = zip(self.steps_a.texts(begin), self.steps_b.texts(begin), strict=False)
        for position, (one, other) in enumerate(sides, start=begin):
            yield position, one, other

    def suspicious(self) -> Iterator[int]:
        """Yields the positions among the `proven` ones that deserve a look: in what the chain leaves out."""
        # Of the last clean step, and the last of a training, it is not known whether its seeds moved alike.
        begin = max(0, min(self.clean - 1, self.proven))
        ends = [position - 1 for position in self.beginnings if position]
        yield from (position for position in sorted({*self.beginnings, *ends}) if position < begin)
        other_seeds = self._other_states(begin) if self._has_seeds() else iter(())
        differs_after = next(other_seeds, -1)
        for position, one, other in self.texts(begin):
            if position >= self.proven:
                return
            seed = 0 <= differs_after < position
            last_clean = position == begin and begin > 0
            if seed or last_clean or self.begins(position) or one[1] != other[1] or _moving_apart(one[2], other[2]):
                yield position
            while 0 <= differs_after < position:
                differs_after = next(other_seeds, -1)

    def _has_seeds(self) -> bool:
        layouts = [*self.run_a.layouts.values(), *self.run_b.layouts.values()]
        return any(variable.role is Role.SEED for layout in layouts for variable in layout)

    def _other_states(self, begin: int) -> Iterator[int]:
        """Yields the positions whose states differ in any byte (among the `proven` ones: in a seed)."""
        if begin >= len(self):
            return
        theirs = self.steps_b.states(begin)
        position_b, digests_b = -1, b""
        for position, digests in self.steps_a.states(begin):
            while position_b < position:
                found = next(theirs, None)
                if found is None:
                    return
                position_b, digests_b = found
            if position_b == position and digests != digests_b:
                yield position

    # -- how much was seen ------------------------------------------------------------------------------------------

    def num_states(self, end: int) -> int:
        """Returns after how many of the first `end` pairs of steps both sides recorded the state."""
        if end and all(_all_have_states(steps, end) for steps in (self.steps_a, self.steps_b)):
            return end
        a, b = ({*s.indices.positions(s.run.steps_with_state())} for s in (self.steps_a, self.steps_b))
        return sum(position < end for position in a & b)

    def num_unseen_batches(self, end: int) -> int:
        """Returns in how many of the first `end` pairs of steps a side did not see the batch."""
        a, b = ({*s.indices.positions(s.run.steps_without_batch())} for s in (self.steps_a, self.steps_b))
        return sum(position < end for position in a | b)

    def num_losses(self, end: int) -> int:
        """Returns in how many of the first `end` steps the baseline returned a loss."""
        without = self.steps_a.indices.positions(self.run_a.steps_without_loss())
        return end - sum(position < end for position in without)


def _all_have_states(steps: Steps, end: int) -> bool:
    first, last = steps.indices[0], steps.indices[end - 1]
    return not steps.in_turn and last - first + 1 == end and steps.run.all_have_states(first, last + 1)


def _moving_apart(one: str, other: str) -> bool:
    """Whether a generator of the process is not the same on both sides and moved in the step."""
    if one == other:
        return False
    a, b = json.loads(one), json.loads(other)
    return any(a[n][0] != b[n][0] and (a[n][0] != a[n][1] or b[n][0] != b[n][1]) for n in {*a} & {*b})


def same_float(one: float, other: float) -> bool:
    """Whether two floats are the same bits, or both not a number."""
    return (one == other and math.copysign(1, one) == math.copysign(1, other)) or (one != one and other != other)


def at(state: StateRecord, position: int) -> bytes:
    """Returns the digest of one variable of a state."""
    return state.digests[16 * position : 16 * position + 16]


def differing(alignment: Alignment, first: StateRecord, second: StateRecord) -> Iterator[tuple[int, int]]:
    """Yields the pairs of variables whose digests differ; one that could not be read is left out."""
    for i, j in alignment.pairs:
        one, other = at(first, i), at(second, j)
        if one != other and MISSING not in (one, other):
            yield i, j
