"""One pair of steps after the other: which record, in causal order, is the first that differs?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from samefit.align import Alignment, align_models
from samefit.store.reader import Run
from samefit.store.records import StateRecord, StepRecord, TrainingRecord, VariableRecord
from samefit.types import Role, Stage

_MISSING = bytes(16)
_WEIGHTS = (Role.TRAINABLE, Role.NON_TRAINABLE)
_STEERING = ("iteration", "learning_rate")


@dataclass(frozen=True)
class Finding:
    """One record that differs.

    Attributes:
        position: 0-based position in the compared sequence.
        stage: Its stage.
        path: What differs.
        detail: One line more.
        num_paths: How many paths differ with it.
    """

    position: int
    stage: Stage
    path: str
    detail: str = ""
    num_paths: int = 1


class Pairing:
    """The steps of two sides, paired by position, and how their variables pair."""

    def __init__(
        self, run_a: Run, run_b: Run, trainings_a: Sequence[TrainingRecord], trainings_b: Sequence[TrainingRecord]
    ) -> None:
        self.run_a, self.run_b = run_a, run_b
        self.steps_a = run_a.steps([t.number for t in trainings_a])
        self.steps_b = run_b.steps([t.number for t in trainings_b])
        self._alignments: dict[tuple[int, int, int, int], Alignment] = {}

    def __len__(self) -> int:
        return min(len(self.steps_a), len(self.steps_b))

    def trainings_at(self, position: int) -> tuple[TrainingRecord, TrainingRecord]:
        """Returns the trainings of a pair of steps."""
        return (
            self.run_a.training(self.steps_a[position].training),
            self.run_b.training(self.steps_b[position].training),
        )

    def states_after(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns the states after a pair of steps."""
        return (
            self.run_a.state_after(self.steps_a[position].index), self.run_b.state_after(self.steps_b[position].index),
        )

    def states_before(self, position: int) -> tuple[StateRecord | None, StateRecord | None]:
        """Returns the states before a pair of steps."""
        return (
            self.run_a.state_before(self.steps_a[position].index),
            self.run_b.state_before(self.steps_b[position].index),
        )

    def layouts_at(self, position: int) -> tuple[tuple[VariableRecord, ...], tuple[VariableRecord, ...]]:
        """Returns the variables of a pair of steps."""
        first, second = self.states_after(position)
        if first is None or second is None:
            first, second = self.states_before(position)
        if first is None or second is None:
            return (), ()
        return self.run_a.layouts[first.layout], self.run_b.layouts[second.layout]

    def align(self, position: int, state_a: StateRecord, state_b: StateRecord) -> Alignment:
        """Pairs the variables of two states."""
        training_a, training_b = self.trainings_at(position)
        key = (training_a.model, state_a.layout, training_b.model, state_b.layout)
        if key not in self._alignments:
            self._alignments[key] = align_models(
                self.run_a, self.run_a.models[training_a.model], self.run_a.layouts[state_a.layout],
                self.run_b, self.run_b.models[training_b.model], self.run_b.layouts[state_b.layout],
            )
        return self._alignments[key]

    def alignment_at(self, position: int) -> Alignment:
        """Pairs the variables of a pair of steps."""
        first, second = self.states_after(position)
        if first is None or second is None:
            first, second = self.states_before(position)
        if first is None or second is None:
            return Alignment((), (), "none")
        return self.align(position, first, second)

    @staticmethod
    def weights(alignment: Alignment, layout_a: Sequence[VariableRecord]) -> list[tuple[int, int]]:
        """Returns the pairs that are weights."""
        return [(i, j) for i, j in alignment.pairs if layout_a[i].role in _WEIGHTS]


class StepScan:
    """Looks for the first difference.

    Attributes:
        notes: What could not be compared.
        states_compared: Number of pairs of states that were compared.
        losses_compared: Number of pairs of losses that were compared.
    """

    def __init__(self, pairing: Pairing) -> None:
        self._pairing = pairing
        self.notes: list[str] = []
        self.states_compared = 0
        self.losses_compared = 0
        self._unseen = 0

    def first(self) -> tuple[Finding | None, bool]:
        """Returns the first difference, and whether the training itself is affected by it or by a later one."""
        randomness: Finding | None = None
        for position in range(len(self._pairing)):
            for finding in self._step(position):
                if finding.stage is Stage.RANDOMNESS:
                    # A random state that differs counts from here on, but only if anything comes of it.
                    randomness = randomness or finding
                    continue
                self._note_unseen()
                return (randomness or finding), True
        self._note_unseen()
        return randomness, False

    def _note_unseen(self) -> None:
        if self._unseen:
            self.notes.append(f"In {self._unseen} pairs of steps the batches could not be seen.")

    def _step(self, position: int) -> Iterator[Finding]:
        a, b = self._pairing.steps_a[position], self._pairing.steps_b[position]
        if self._is_first(self._pairing.steps_a, position) or self._is_first(self._pairing.steps_b, position):
            yield from self._before(position)
        yield from self._data(position, a, b)
        yield from self._randomness(position, a, b)
        yield from self._loss(position, a, b)
        yield from self._after(position)
        yield from self._reporting(position, a, b)

    @staticmethod
    def _is_first(steps: Sequence[StepRecord], position: int) -> bool:
        return position == 0 or steps[position].training != steps[position - 1].training

    # -- stages -----------------------------------------------------------------------------------------------------

    def _before(self, position: int) -> Iterator[Finding]:
        first, second = self._pairing.states_before(position)
        if first is None or second is None:
            return
        self.states_compared += 1
        alignment = self._pairing.align(position, first, second)
        layout = self._pairing.run_a.layouts[first.layout]
        yield from self._unpaired(position, alignment, first, second)
        parted = list(differing(alignment, first, second))
        start = Stage.INITIAL_WEIGHTS if position == 0 else None
        stages = (
            (Role.TRAINABLE, Stage.INITIAL_WEIGHTS),
            (Role.NON_TRAINABLE, start or Stage.STATE),
            (Role.OPTIMIZER, start or Stage.STATE),
        )
        for role, stage in stages:
            found = [i for i, _ in parted if layout[i].role is role and layout[i].slot != "learning_rate"]
            if found:
                yield Finding(position, stage, layout[found[0]].path, "before the step", len(found))
                return

    def _unpaired(
        self, position: int, alignment: Alignment, first: StateRecord, second: StateRecord
    ) -> Iterator[Finding]:
        for only, state, run, role in (
            (alignment.only_in_a, first, self._pairing.run_a, "baseline"),
            (alignment.only_in_b, second, self._pairing.run_b, "candidate"),
        ):
            if only:
                variable = run.layouts[state.layout][only[0]]
                detail = f"only in the {role}: {variable.path} {variable.shape}"
                yield Finding(position, Stage.INITIAL_WEIGHTS, variable.path, detail, len(only))

    def _data(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        if a.batch is None or b.batch is None:
            self._unseen += 1
        elif a.batch != b.batch:
            yield Finding(position, Stage.DATA, "inputs", self._data_detail(a, b))

    def _data_detail(self, a: StepRecord, b: StepRecord) -> str:
        if a.num_rows != b.num_rows:
            return f"batched otherwise: {a.num_rows} and {b.num_rows} samples"
        rows_a, rows_b = self._epoch_rows(self._pairing.steps_a, a), self._epoch_rows(self._pairing.steps_b, b)
        if a.rows is not None and a.rows == b.rows:
            return f"the same {a.num_rows} samples in another order within the batch"
        if rows_a is not None and rows_a == rows_b:
            return f"the same {rows_a[1]} samples in another order"
        training_a, training_b = (
            self._pairing.run_a.training(a.training), self._pairing.run_b.training(b.training),
        )
        if training_a.options.get("rows") is not None and training_a.options["rows"] == training_b.options.get("rows"):
            return "the same samples in another order"
        return "other samples or values"

    @staticmethod
    def _epoch_rows(steps: Sequence[StepRecord], step: StepRecord) -> tuple[int, int] | None:
        epoch = [s for s in steps if s.training == step.training and s.epoch == step.epoch]
        if any(s.rows is None for s in epoch):
            return None
        total = sum(int.from_bytes(s.rows or b"", "little") for s in epoch) % 2**64
        return total, sum(s.num_rows or 0 for s in epoch)

    def _randomness(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        before_a, before_b = self._pairing.states_before(position)
        after_a, after_b = self._pairing.states_after(position)
        if before_a is not None and before_b is not None and after_a is not None and after_b is not None:
            alignment = self._pairing.align(position, before_a, before_b)
            layout = self._pairing.run_a.layouts[before_a.layout]
            same_layout = (before_a.layout, before_b.layout) == (after_a.layout, after_b.layout)
            for i, j in differing(alignment, before_a, before_b):
                if layout[i].role is not Role.SEED:
                    continue
                # A generator that does not move in the step is not used by it: its seed does not matter.
                consumed = not same_layout or _at(before_a, i) != _at(after_a, i) or _at(before_b, j) != _at(after_b, j)
                if consumed:
                    yield Finding(position, Stage.RANDOMNESS, layout[i].path, "a random layer's seed or counter")
                    return
        for name in sorted({*a.generators} & {*b.generators}):
            moved = a.generators[name] != a.generators_after.get(name) or b.generators[name] != b.generators_after.get(name)
            if moved and a.generators[name] != b.generators[name]:
                yield Finding(position, Stage.RANDOMNESS, name, "a generator of the process that the step draws from")
                return

    def _loss(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        if "loss" not in a.logs or "loss" not in b.logs:
            return
        self.losses_compared += 1
        one, other = a.logs["loss"], b.logs["loss"]
        if not same_float(one, other):
            yield Finding(position, Stage.FORWARD, "loss", f"{one:.9g} and {other:.9g}")

    def _after(self, position: int) -> Iterator[Finding]:
        first, second = self._pairing.states_after(position)
        if first is None or second is None:
            return
        self.states_compared += 1
        if first.digests == second.digests and _is_identity(self._pairing.align(position, first, second)):
            return
        alignment = self._pairing.align(position, first, second)
        layout = self._pairing.run_a.layouts[first.layout]
        parted = [i for i, _ in differing(alignment, first, second)]
        updated = [i for i in parted if layout[i].role is Role.TRAINABLE]
        slots = [i for i in parted if layout[i].role is Role.OPTIMIZER]
        if updated or slots:
            found = updated or slots
            yield Finding(position, self._update_stage(position, parted, layout), layout[found[0]].path, "", len(found))
        state = [i for i in parted if layout[i].role is Role.NON_TRAINABLE]
        if state:
            yield Finding(position, Stage.STATE, layout[state[0]].path, "", len(state))

    def _update_stage(self, position: int, parted: Sequence[int], layout: Sequence[VariableRecord]) -> Stage:
        a, b = self._pairing.trainings_at(position)
        steering = any(layout[i].slot in _STEERING for i in parted)
        same = a.compiled.get("optimizer") == b.compiled.get("optimizer")
        return Stage.UPDATE if steering or not same else Stage.BACKWARD

    def _reporting(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        names = [n for n in a.logs if n in b.logs and not same_float(a.logs[n], b.logs[n])]
        if names:
            detail = f"{a.logs[names[0]]:.9g} and {b.logs[names[0]]:.9g}"
            yield Finding(position, Stage.REPORTING, names[0], detail, len(names))


def same_float(one: float, other: float) -> bool:
    """Whether two floats are the same bits, or both not a number."""
    return (one == other and math.copysign(1, one) == math.copysign(1, other)) or (one != one and other != other)


def _at(state: StateRecord, position: int) -> bytes:
    return state.digests[16 * position : 16 * position + 16]


def differing(alignment: Alignment, first: StateRecord, second: StateRecord) -> Iterator[tuple[int, int]]:
    """Yields the pairs of variables whose digests differ; one that could not be read is left out."""
    for i, j in alignment.pairs:
        one, other = _at(first, i), _at(second, j)
        if one != other and _MISSING not in (one, other):
            yield i, j


@cache
def _is_identity(alignment: Alignment) -> bool:
    """Whether variables pair by position, so that equal bytes mean equal states."""
    complete = not alignment.only_in_a and not alignment.only_in_b
    return complete and all(i == j for i, j in alignment.pairs)
