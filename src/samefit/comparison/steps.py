"""One pair of steps after the other: which record, in causal order, is the first that differs?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import chain, groupby

from samefit.align import Alignment
from samefit.comparison.coverage import Coverage
from samefit.comparison.finding import Finding
from samefit.comparison.logged import may_be_other_means
from samefit.comparison.optimizers import is_uncounted
from samefit.comparison.pairing import MISSING, Pairing, at, differing, same_float
from samefit.comparison.reporting import last_reported, reported
from samefit.comparison.samples import arrays_changed, epoch_rows, same_arrays, same_data
from samefit.comparison.settings import workers_of
from samefit.comparison.updating import other_optimizers, parts_in_update
from samefit.store.records import StateRecord, StepRecord, TrainingRecord, VariableRecord
from samefit.types import Role, Samples, Stage, When


class StepScan:
    """Looks for the first difference.

    Attributes:
        coverage: How much could be compared.
        same_samples: Whether batches that differ hold the same samples over their epoch; None if they do not differ.
        reweighted: Whether samples were the same and their weights were not.
        uncounted: Path of a counter of updates that differs and that nothing depends on; "" if there is none.
        left_with: Path of what the optimizers hold otherwise once the last training is over; "" if nothing.
    """

    def __init__(self, pairing: Pairing) -> None:
        self._pairing = pairing
        self.coverage = Coverage()
        self.same_samples: bool | None = None
        self.reweighted = False
        self.uncounted = ""
        self.left_with = ""
        self._ends = set(pairing.ends)
        self._checked: set[int] = set()
        self.coverage.looked_at = len(pairing)

    def first(self) -> tuple[Finding | None, bool]:
        """Returns the first difference, and whether the training itself is affected by it or by a later one."""
        pairing = self._pairing
        self._count_proven()
        randomness: Finding | None = None
        reporting: Finding | None = None
        logged: Finding | None = None
        proven = pairing.proven
        # The state at the end of a training stands in no chain.
        ends = (position for position in pairing.ends if position < proven)
        looked_at = chain(merge(pairing.suspicious(), ends), range(proven, len(pairing)))
        for position, _ in groupby(looked_at):
            for finding in self._step(position):
                if finding.stage is Stage.RANDOMNESS:
                    # A random state that differs counts from here on, but only if anything comes of it.
                    randomness = randomness or finding
                    continue
                if finding.stage is Stage.REPORTING:
                    # What is only logged comes after everything that a later step may do otherwise.
                    reporting = reporting or finding
                    continue
                if finding.stage is Stage.FORWARD and may_be_other_means(pairing, position):
                    # Either the step computed something else, or only what was logged before: its update tells.
                    logged = logged or finding
                    continue
                self.coverage.looked_at = position + 1
                if randomness is not None and finding.stage is Stage.DATA and self._has_workers(randomness.position):
                    # They draw while a step runs, for batches of later steps: these tell, and not how far they were.
                    return finding, True
                return (randomness or logged or finding), True
            if self._state_is_seen(position):
                logged = None
        if logged is not None:
            return (randomness or logged), True
        last = reporting or last_reported(self._pairing)
        return (randomness or last), last is not None

    def _state_is_seen(self, position: int) -> bool:
        """Whether what a pair of steps came to is known of both sides."""
        pairing = self._pairing
        return pairing.has_states_after(position) or (
            position in self._ends and None not in pairing.states_at_end(position)
        )

    def _has_workers(self, position: int) -> bool:
        return any(workers_of(training) for training in self._pairing.trainings_at(position))

    def notes(self) -> list[str]:
        """Returns what had no effect and what could not be compared, in words; call it after `first`."""
        notes = []
        if self.uncounted:
            notes.append(f"{self.uncounted} differs, without any effect: this optimizer does not use its counter.")
        if self.left_with and self.coverage.looked_at == len(self._pairing):
            then = "what is trained on from there will not be the same"
            notes.append(f"{self.left_with} differs once the last fit has ended: {then}.")
        if self.reweighted and self.coverage.looked_at == len(self._pairing):
            notes.append("The samples are weighted otherwise, without any effect on the training.")
        return [*notes, *self.coverage.notes(self._pairing)]

    def _count_proven(self) -> None:
        pairing, seen = self._pairing, self.coverage
        if not pairing.proven:
            return
        seen.unseen_batches = pairing.num_unseen_batches(pairing.proven)
        seen.batches = pairing.proven - seen.unseen_batches
        seen.losses = pairing.num_losses(pairing.proven)
        seen.states = pairing.num_states(pairing.proven)
        recorded = (p for p in reversed(range(pairing.proven)) if pairing.has_states_after(p))
        for position in recorded:
            first, second = pairing.states_after(position)
            if first is not None and second is not None:
                self._count(pairing.align(position, first, second), first, second)
            break

    def _count_batch(self, one: bytes | None, other: bytes | None) -> None:
        if one is None or other is None:
            self.coverage.unseen_batches += 1
        else:
            self.coverage.batches += 1

    def _step(self, position: int) -> Iterator[Finding]:
        a, b = self._pairing.steps_a[position], self._pairing.steps_b[position]
        if position >= self._pairing.proven:
            self._count_batch(a.batch, b.batch)
        if self._pairing.begins(position):
            yield from self._before(position, When.BEFORE_STEP)
        elif position >= self._pairing.proven and self._pairing.is_changed_before(position):
            if self._pairing.has_states_after(position - 1):
                yield from self._before(position, When.BETWEEN_STEPS if a.step or b.step else When.BETWEEN_EPOCHS)
            else:
                yield from self._since_the_last_state(position)
        yield from self._data(position, a, b)
        yield from self._randomness(position, a, b)
        yield from self._loss(position, a, b)
        yield from self._after(position)
        if position in self._ends:
            yield from self._at_end(position)
            apart = self._pairing.final_apart(position)
            if weights := [v.path for v in apart if v.role is not Role.OPTIMIZER]:
                when = When.AFTER_TRAINING
                yield Finding(position, Stage.STATE, weights[0], when.value, len(weights), when)
            held = (v.path for v in apart if v.role is Role.OPTIMIZER and not self._is_idle(position, v))
            self.left_with = next(held, "")
        yield from self._reporting(position, a, b)

    # -- stages -----------------------------------------------------------------------------------------------------

    def _before(self, position: int, when: When) -> Iterator[Finding]:
        first, second = self._pairing.states_before(position)
        if first is None or second is None:
            return
        alignment = self._pairing.align(position, first, second)
        yield from self._unpaired(position, alignment, first, second)
        self._count(alignment, first, second)
        layout = self._pairing.run_a.layouts[first.layout]
        parted = self._effective(position, differing(alignment, first, second), layout)
        start = Stage.INITIAL_WEIGHTS if position == 0 else Stage.STATE
        weights = Stage.INITIAL_WEIGHTS if when is When.BEFORE_STEP else Stage.STATE
        stages = ((Role.TRAINABLE, weights), (Role.NON_TRAINABLE, start), (Role.OPTIMIZER, Stage.STATE))
        for role, stage in stages:
            # The learning rate acts in the update, and is found there.
            found = [i for i, _ in parted if layout[i].role is role and layout[i].slot != "learning_rate"]
            if found:
                yield Finding(position, stage, layout[found[0]].path, when.value, len(found), when)

    def _since_the_last_state(self, position: int) -> Iterator[Finding]:
        """Compares the state before a step where that after the one before is not known: any step since may differ."""
        first, second = self._pairing.states_before(position)
        if first is not None and second is not None:
            yield from self._state(position - 1, first, second, "")

    def _unpaired(
        self, position: int, alignment: Alignment, first: StateRecord, second: StateRecord
    ) -> Iterator[Finding]:
        if id(alignment) in self._checked:
            return
        self._checked.add(id(alignment))
        number = len(alignment.only_in_a) + len(alignment.only_in_b)
        for only, state, run, role in (
            (alignment.only_in_a, first, self._pairing.run_a, "baseline"),
            (alignment.only_in_b, second, self._pairing.run_b, "candidate"),
        ):
            if only:
                variable = run.layouts[state.layout][only[0]]
                detail = f"only in the {role}: {variable.path} {variable.shape}"
                yield Finding(position, Stage.INITIAL_WEIGHTS, variable.path, detail, number, When.BEFORE_STEP)

    def _count(self, alignment: Alignment, first: StateRecord, second: StateRecord) -> None:
        layout = self._pairing.run_a.layouts[first.layout]
        unreadable = [i for i, j in alignment.pairs if MISSING in (at(first, i), at(second, j))]
        self.coverage.unreadable |= {layout[i].path for i in unreadable}
        self.coverage.variables += len(alignment.pairs) - len(unreadable)

    def _data(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        if a.batch is None or b.batch is None or a.batch == b.batch:
            return
        if self._reweighted(position, a, b):
            # The loss weighs them: without an effect on it they are no difference.
            self.reweighted = True
        else:
            detail, samples = self._samples(position, a, b)
            yield Finding(position, Stage.DATA, "inputs", detail, samples=samples)

    def _reweighted(self, position: int, a: StepRecord, b: StepRecord) -> bool:
        """Whether two batches that differ hold the same samples with other weights.

        Where `fit` was not given any, the third part of a batch may be something else, but not if the other side does
        without.
        """
        if a.batch is None or b.batch is None:
            return False
        one, other = self._pairing.trainings_at(position)
        weighted = [_is_weighted(training) for training in (one, other)]
        samples = [step.head if given else step.batch for step, given in zip((a, b), weighted, strict=True)]
        if any(weighted):
            return samples[0] is not None and samples[0] == samples[1]
        return (a.head is None and b.head == a.batch) or (b.head is None and a.head == b.batch)

    def _samples(self, position: int, a: StepRecord, b: StepRecord) -> tuple[str, Samples]:
        sides = (self._pairing.steps_a, self._pairing.steps_b)
        epoch_a = epoch_rows(sides[0], position, sides[1])
        epoch_b = epoch_rows(sides[1], position, sides[0])
        one, other = self._pairing.trainings_at(position)
        whole = same_data(one, other)
        changed = [arrays_changed(steps, position) for steps in sides] if whole else []
        if any(each is not False for each in changed):
            whole = None
        epochs = [epoch for epoch in (epoch_a, epoch_b) if epoch is not None]
        both = len(epochs) == 2
        same_epoch = both and epochs[0].same_samples(epochs[1])
        same_batch = a.rows is not None and a.rows == b.rows
        all_seen = both and all(epoch.is_whole for epoch in epochs)
        # The samples of one side are the same in each epoch: the other's are no order of them.
        repeats = both and not any(epoch.is_cut for epoch in epochs) and any(epoch.repeats for epoch in epochs)
        # Of equal arrays other values may arrive: they are converted to another dtype on the way.
        arrived = all_seen and not same_epoch
        converted = arrived and same_arrays(one, other, (epochs[0].number, epochs[1].number))
        self.same_samples = not converted and (same_epoch or bool(whole))
        more_data = whole is False and one.options.get("batch_size") == other.options.get("batch_size")
        if a.num_rows != b.num_rows and not more_data:
            return f"batched otherwise: {a.num_rows} and {b.num_rows} samples", Samples.BATCHED_OTHERWISE
        if same_epoch and (not same_batch or epochs[0].number == a.num_rows):
            return f"the same {epochs[0].number} samples in another order", Samples.REORDERED
        if same_batch:
            return f"the same {a.num_rows} samples in another order within the batch", Samples.REORDERED
        if True in changed:
            return "other samples or values: the arrays were changed after the first epoch", Samples.OTHER
        if converted:
            return "equal arrays, of which other values arrive", Samples.OTHER
        if whole:
            return "the same samples in another order", Samples.REORDERED
        if whole is False or all_seen or repeats:
            return "other samples or values", Samples.OTHER
        return "other samples or values, or another order", Samples.UNKNOWN

    def _randomness(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        paths = self._seeds(position)
        if paths:
            yield Finding(position, Stage.RANDOMNESS, paths[0], "a random layer's seed or counter", len(paths))
        names = [
            name
            for name in sorted({*a.generators} & {*b.generators})
            if a.generators[name] != b.generators[name] and (_moved(a, name) or _moved(b, name))
        ]
        if names:
            detail = "a generator of the process that the step draws from"
            yield Finding(position, Stage.RANDOMNESS, names[0], detail, len(names))

    def _seeds(self, position: int) -> list[str]:
        before_a, before_b = self._pairing.states_before(position)
        after_a, after_b = self._pairing.states_after(position)
        if before_a is None or before_b is None or after_a is None or after_b is None:
            return []
        layout = self._pairing.run_a.layouts[before_a.layout]
        same_layout = (before_a.layout, before_b.layout) == (after_a.layout, after_b.layout)
        alignment = self._pairing.align(position, before_a, before_b)
        return [
            layout[i].path
            for i, j in differing(alignment, before_a, before_b)
            # A generator that does not move in the step is not used by it: its seed does not matter.
            if layout[i].role is Role.SEED
            and (not same_layout or at(before_a, i) != at(after_a, i) or at(before_b, j) != at(after_b, j))
        ]

    def _loss(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        if "loss" not in a.logs or "loss" not in b.logs:
            return
        if position >= self._pairing.proven:
            self.coverage.losses += 1
        if self._pairing.logs_other_means(position, a.step, b.step):
            return
        one, other = a.logs["loss"], b.logs["loss"]
        if not same_float(one, other):
            reweighted = a.batch != b.batch and self._reweighted(position, a, b)
            detail = "the same samples, weighted otherwise: " if reweighted else ""
            yield Finding(position, Stage.FORWARD, "loss", f"{detail}{one:.9g} and {other:.9g}")

    def _after(self, position: int) -> Iterator[Finding]:
        if not self._pairing.has_states_after(position):
            return
        first, second = self._pairing.states_after(position)
        if first is None or second is None:
            return
        yield from self._unpaired(position, self._pairing.align(position, first, second), first, second)
        if position >= self._pairing.proven:
            self.coverage.states += 1
            self._count(self._pairing.align(position, first, second), first, second)
        yield from self._state(position, first, second, "")

    def _at_end(self, position: int) -> Iterator[Finding]:
        """Compares what trainings ended with, where the state after their last step was not recorded."""
        if self._pairing.has_states_after(position):
            return
        first, second = self._pairing.states_at_end(position)
        pairs = () if first is None or second is None else self._pairing.align(position, first, second).pairs
        if first is None or second is None or all(MISSING in (at(first, i), at(second, j)) for i, j in pairs):
            self.coverage.unseen_ends += 1
            return
        self._count(self._pairing.align(position, first, second), first, second)
        yield from self._state(position, first, second, "at the end of the training")

    def _state(self, position: int, first: StateRecord, second: StateRecord, detail: str) -> Iterator[Finding]:
        layout = self._pairing.run_a.layouts[first.layout]
        alignment = self._pairing.align(position, first, second)
        pairs = self._effective(position, differing(alignment, first, second), layout)
        parted = [i for i, _ in pairs]
        updated = [i for i in parted if layout[i].role is Role.TRAINABLE]
        updated += [i for i in parted if layout[i].role is Role.OPTIMIZER]
        if updated:
            in_update = parts_in_update(self._pairing, position, (first, second), pairs)
            stage = Stage.UPDATE if in_update else Stage.BACKWARD
            detail = detail or other_optimizers(self._pairing, position, layout[updated[0]].slot)
            yield Finding(position, stage, layout[updated[0]].path, detail, len(updated))
        state = [i for i in parted if layout[i].role is Role.NON_TRAINABLE]
        if state:
            yield Finding(position, Stage.STATE, layout[state[0]].path, detail, len(state))

    def _effective(
        self, position: int, parted: Iterable[tuple[int, int]], layout: Sequence[VariableRecord]
    ) -> list[tuple[int, int]]:
        """Leaves out the counters of updates that both optimizers keep and do not use."""
        found = list(parted)
        counters = [pair for pair in found if self._is_idle(position, layout[pair[0]])]
        if not counters:
            return found
        self.uncounted = layout[counters[0][0]].path
        return [pair for pair in found if pair not in counters]

    def _is_idle(self, position: int, variable: VariableRecord) -> bool:
        """Whether a variable is a counter of updates that both optimizers keep and do not use."""
        counts = variable.slot == "iteration"
        return counts and all(
            is_uncounted(training, variable.holder) for training in self._pairing.trainings_at(position)
        )

    def _reporting(self, position: int, a: StepRecord, b: StepRecord) -> Iterator[Finding]:
        if not (a.is_passed_over or b.is_passed_over):
            self.coverage.names |= {*a.logs} ^ {*b.logs}
        yield from reported(position, a.logs, b.logs, "")


def _is_weighted(training: TrainingRecord) -> bool:
    return any(training.options.get(name) is not None for name in ("class_weight", "sample_weight"))


def _moved(step: StepRecord, name: str) -> bool:
    return step.generators[name] != step.generators_after.get(name)
