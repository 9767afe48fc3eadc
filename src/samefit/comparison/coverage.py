"""What of two sides could be compared, and what could not: a verdict is never about nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from samefit.align import Alignment
from samefit.comparison.pairing import Pairing
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord
from samefit.types import Verdict

_ROLES = ("baseline", "candidate")


@dataclass
class Coverage:
    """How much could be compared.

    Attributes:
        batches: Pairs of steps whose batches were seen on both sides.
        losses: Pairs of steps with a loss on both sides.
        states: Pairs of steps with the weights after them on both sides.
        variables: Values of variables that were known on both sides.
        unseen_batches: Pairs of steps of which a batch is not known: it could not be seen, or the step was passed over.
        unseen_ends: Trainings whose weights at the end are not known on both sides.
        unreadable: Paths of variables that could not be read somewhere.
        names: What only one side reports.
        looked_at: How many pairs of steps were looked at before the first difference.
    """

    batches: int = 0
    losses: int = 0
    states: int = 0
    variables: int = 0
    unseen_batches: int = 0
    unseen_ends: int = 0
    unreadable: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    looked_at: int = 0

    def notes(self, pairing: Pairing) -> Iterator[str]:
        """Yields what could not be compared, in words."""
        total = self.looked_at
        if self.unseen_batches and _could_not_be_seen(pairing):
            yield f"In {self.unseen_batches} of {total} pairs of steps the batch could not be seen."
        elif self.unseen_batches:
            others = "the others were passed over (--every-step reads all)"
            yield f"Batches were compared in {self.batches} of {total} steps: {others}."
        if self.unreadable:
            some = min(self.unreadable)
            yield f"{len(self.unreadable)} variables could not be read everywhere and were left out there ({some})."
        # Where the scan ended at a difference, what comes after it was not meant to be compared.
        if total < len(pairing):
            return
        if 0 < self.states < total:
            ends = " and at the end" if not self.unseen_ends and not pairing.has_states_after(total - 1) else ""
            compared = f"Weights were compared after {self.states} of {total} steps{ends}"
            yield f"{compared}; after the others they were not recorded."
        if self.losses and self.losses < total:
            yield f"The loss was compared in {self.losses} of {total} steps: the others were not recorded."
        if self.names:
            yield f"Only one side reports {', '.join(sorted(self.names))}."


def _could_not_be_seen(pairing: Pairing) -> bool:
    return any(w.slug == "batch-unseen" for run in (pairing.run_a, pairing.run_b) for w in run.warnings)


@dataclass(frozen=True)
class Asked:
    """What was asked for, and what each side did besides.

    Attributes:
        trainings: The trainings of the baseline and of the candidate.
        selected: Whether these trainings were asked for, and are not all that there is.
        unseen_updates: How many updates each side made besides what was recorded.
        elsewhere: How many other processes each side has trained in.
    """

    trainings: tuple[Sequence[TrainingRecord], Sequence[TrainingRecord]]
    selected: bool
    unseen_updates: tuple[int, int]
    elsewhere: tuple[int, int]


def trained_elsewhere(run: Run) -> int:
    """Returns in how many other processes a script has trained; those of both sides of a pair count."""
    return int(run.manifest.get("trained_elsewhere") or 0)


def verdict(pairing: Pairing, coverage: Coverage, asked: Asked, *, differs: bool) -> tuple[Verdict, list[str]]:
    """Returns the verdict that what could be compared allows, and why it is no better.

    Args:
        pairing: The pairs of steps.
        coverage: What of them could be compared.
        asked: What was asked for.
        differs: Whether a difference was found.
    """
    nothing = _nothing(pairing, coverage, differs=differs)
    if nothing:
        return Verdict.NOT_COMPARABLE, [nothing]
    if differs:
        return Verdict.DIVERGED, []
    broken = [*_broken(pairing, asked), *_besides(asked)]
    if coverage.unseen_ends:
        broken.append("The weights at the end of a training were not recorded")
    lengths = (len(pairing.steps_a), len(pairing.steps_b))
    if lengths[0] != lengths[1]:
        counts = f"the baseline has {lengths[0]} and the candidate {lengths[1]}"
        first = f"The first {min(lengths)} steps are equal; {counts}."
        return Verdict.INCOMPLETE, [first, *(f"{text}." for text in broken)]
    if broken:
        return Verdict.INCOMPLETE, [f"{text}; all {lengths[0]} recorded steps are equal." for text in broken]
    return Verdict.IDENTICAL, []


def _nothing(pairing: Pairing, coverage: Coverage, *, differs: bool) -> str:
    """Returns why there is nothing to say; "" if there is something."""
    empty = [role for role, steps in zip(_ROLES, (pairing.steps_a, pairing.steps_b), strict=True) if not len(steps)]
    if empty:
        return f"The {' and the '.join(empty)} recorded no training step."
    alignment = pairing.alignment_at(0)
    if alignment.method == "none" and (alignment.only_in_a or alignment.only_in_b):
        return _not_aligned(pairing, alignment)
    # A train_step may return no "loss" (a GAN's two), and some batches cannot be seen: weights and one of the two
    # say enough, and a note says what was not compared.
    if differs or (coverage.variables and (coverage.batches or coverage.losses)):
        return ""
    compared = (("no batch", coverage.batches), ("no loss", coverage.losses), ("no weights", coverage.variables))
    missing = [word for word, number in compared if not number]
    words = ", ".join(missing[:-1]) + " and " + missing[-1] if len(missing) > 1 else missing[0]
    return f"In {len(pairing)} pairs of steps {words} could be compared; nothing else differs."


def _not_aligned(pairing: Pairing, alignment: Alignment) -> str:
    layouts = pairing.layouts_at(0)
    first = [
        f"first in the {role}: {layout[only[0]].path} {layout[only[0]].shape}"
        for role, layout, only in zip(_ROLES, layouts, (alignment.only_in_a, alignment.only_in_b), strict=True)
        if only
    ]
    number = max(len(alignment.only_in_a), len(alignment.only_in_b))
    return f"The models cannot be aligned: 0 of {number} weights have a partner ({', '.join(first)})."


def _broken(pairing: Pairing, asked: Asked) -> Iterator[str]:
    """Yields what says that a side may have trained on, or was not recorded to its end."""
    for role, run, own in zip(_ROLES, (pairing.run_a, pairing.run_b), asked.trainings, strict=True):
        failed = run.manifest.get("recording_failed")
        early = [training for training in own if training.status != "complete"]
        # A training that was asked for and has ended is whole, whatever its script did afterwards.
        if failed or (run.status != "complete" and (early or not asked.selected)):
            yield f"The {role}'s run is {run.status}" + (f": {failed}" if failed else "")
        elif run.status == "complete":
            # Its script went on: it caught what a `fit` raised.
            yield from (f"Training #{training.number} of the {role} {_ended(training)}" for training in early)


def _ended(training: TrainingRecord) -> str:
    return "failed, and its script went on" if training.status == "failed" else f"is {training.status}"


def _besides(asked: Asked) -> Iterator[str]:
    """Yields what a side trained in a loop or in a process of its own, of which nothing is known."""
    for role, number in zip(_ROLES, asked.unseen_updates, strict=True):
        if number:
            yield (
                f"The {role} also makes {number} optimizer {'update' if number == 1 else 'updates'} in a loop of its "
                "own, not recorded (call samefit.Recorder.step there)"
            )
    for role, number in zip(_ROLES, asked.elsewhere, strict=True):
        if number:
            processes = "another process" if number == 1 else f"{number} other processes"
            yield (
                f"The {role} also trains in {processes} of its own, not recorded (a samefit.Recorder there writes "
                "runs to compare)"
            )
