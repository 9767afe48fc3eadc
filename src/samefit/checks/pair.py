"""The two sides of a check: which trainings of which run, and how each was made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from samefit.checks.execution import Execution
from samefit.comparison import compare_trainings
from samefit.comparison.order import in_order_of, is_in_turn, ordered
from samefit.comparison.pairing import Pairing
from samefit.comparison.quantities import largest_loss_gap
from samefit.comparison.result import Comparison
from samefit.comparison.settings import program_differences
from samefit.store.places import Places
from samefit.store.reader import Run
from samefit.store.records import TrainingRecord


@dataclass(frozen=True)
class Part:
    """What one side of a comparison is: a run, or some trainings or a side of it.

    Attributes:
        run: The run.
        side: The name of the side in a process of several; "" for all of the run.
        trainings: Numbers of the trainings that were asked for; None for all.
        order: Numbers of its trainings in the order in which they are compared, one after the other; () for that of
            the run, None as long as it was not looked at. Re-runs, which may end earlier, keep that of the whole run.
    """

    run: Run
    side: str = ""
    trainings: tuple[int, ...] | None = None
    order: tuple[int, ...] | None = None

    def selected(self) -> tuple[TrainingRecord, ...]:
        """Returns the trainings of this part, in the order in which they are compared."""
        own = tuple(
            t
            for t in self.run.trainings
            if (self.trainings is None or t.number in self.trainings) and (not self.side or t.side == self.side)
        )
        return ordered(own, self.order or ())

    @property
    def places(self) -> Places:
        """Where its steps stand in the run, in the order in which they are compared."""
        return self.run.places([t.number for t in self.selected()], in_turn=bool(self.order))

    def steps_up_to(self, step: int) -> int:
        """Returns how many steps the run has recorded when this part has reached its 1-based step `step`."""
        return self.places.steps_up_to(step)

    def alone(self) -> Part:
        """Returns the part that this is where its side runs alone: its trainings are counted from 1 again."""
        ranks = {number: rank for rank, number in enumerate(sorted(self.order or ()), start=1)}
        return replace(self, trainings=None, order=tuple(ranks[number] for number in self.order or ()))

    def changed_since(self, run: Run) -> str:
        """Returns what keeps a re-run of this part from being the program that was recorded, or ""."""
        return ", ".join(
            f"{item.name} was edited since"
            if item.kind == "code"
            else f"{item.name} was {item.baseline}, and is {item.candidate}"
            for item in program_differences(self.run.manifest, run.manifest)
        )


def in_one_order(a: Part, b: Part) -> tuple[Part, Part]:
    """Returns two parts that know in which order their trainings are compared."""
    if a.order is not None and b.order is not None:
        return a, b
    first = a.selected()
    second = in_order_of(a.run, first, b.run, b.selected())
    orders = [tuple(t.number for t in own) if is_in_turn(second) else () for own in (first, second)]
    return replace(a, order=orders[0]), replace(b, order=orders[1])


def compared(a: Part, b: Part) -> Comparison:
    """Compares two parts."""
    a, b = in_one_order(a, b)
    return compare_trainings(
        a.run,
        b.run,
        a.trainings,
        b.trainings,
        side_a=a.side or None,
        side_b=b.side or None,
        orders=(a.order or (), b.order or ()),
    )


@dataclass(frozen=True)
class Pair:
    """A baseline and a candidate, and how each was made.

    Attributes:
        a: The baseline.
        b: The candidate.
        execution_a: How the baseline was run.
        execution_b: How the candidate was run; the same as `execution_a` if one process held both.
    """

    a: Part
    b: Part
    execution_a: Execution
    execution_b: Execution

    def __post_init__(self) -> None:
        """Lets the two know in which order their trainings are compared."""
        for name, part in zip("ab", in_one_order(self.a, self.b), strict=True):
            object.__setattr__(self, name, part)

    @property
    def same_process(self) -> bool:
        """Whether one process held both."""
        return self.execution_a is self.execution_b

    def turned(self) -> Pair:
        """Returns the pair with baseline and candidate exchanged."""
        return Pair(self.b, self.a, self.execution_b, self.execution_a)

    def compared(self) -> Comparison:
        """Compares the two."""
        return compared(self.a, self.b)

    def loss_gap(self, steps: int) -> float | None:
        """Returns the largest absolute gap of the loss within the first `steps` steps; None where no loss is known."""
        pairing = Pairing(self.a.run, self.b.run, self.a.selected(), self.b.selected())
        return largest_loss_gap(pairing, steps)

    def ending_after(self, steps: int) -> Pair:
        """Returns the pair whose re-runs end once both sides have trained so many steps."""
        if self.same_process:
            # The baseline comes first as a rule, but `--trainings 2,1` may be asked for.
            last = max(self.a.steps_up_to(steps), self.b.steps_up_to(steps))
            execution = self.execution_a.ending_after(last)
            return replace(self, execution_a=execution, execution_b=execution)
        return replace(
            self,
            execution_a=self.execution_a.ending_after(self.a.steps_up_to(steps)),
            execution_b=self.execution_b.ending_after(self.b.steps_up_to(steps)),
        )
