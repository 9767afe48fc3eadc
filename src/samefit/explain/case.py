"""What a detector may look at, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from samefit.align import Alignment, align_models
from samefit.comparison.result import Comparison, Divergence, Evidence
from samefit.store.reader import Run
from samefit.store.records import Event, LayerRecord, ModelRecord, StepRecord, TrainingRecord, VariableRecord
from samefit.types import Location, Role


@dataclass(frozen=True)
class Counterfactual:
    """A re-run that removes one suspect and leaves all else.

    Attributes:
        text: What is changed, in words that complete "with …".
        transplants: Plan for the candidate (`samefit.transplant.plan`).
        environment: Environment variables for the candidate; None removes one.
        environment_both: Environment variables for both sides, which then both run again.
        alone: Whether the candidate's side runs alone in a fresh process.
        both: Plan that is applied to both sides, which then both run again.
        data: Whether the baseline must run again first to keep the arrays that it handed to `fit`.
        keep: Index of the step of the baseline after which a re-run must keep its state, for a transplant whose "from"
            is "".
        stage_only: Whether it shows only that what is handed over matters, not what made it differ.
        of_baseline: Whether it is the baseline that runs again, with what `transplants` take from the candidate; `keep`
            is then a step of the candidate's.
    """

    text: str
    transplants: tuple[Mapping[str, Any], ...] = ()
    environment: Mapping[str, str | None] = field(default_factory=dict)
    environment_both: Mapping[str, str | None] = field(default_factory=dict)
    alone: bool = False
    both: tuple[Mapping[str, Any], ...] = ()
    data: bool = False
    keep: int | None = None
    stage_only: bool = False
    of_baseline: bool = False

    @property
    def changes_candidate_alone(self) -> bool:
        """Whether it changes nothing but the candidate's side, by a plan or its environment: these can be joined."""
        return self == Counterfactual(self.text, self.transplants, self.environment)

    @property
    def reruns_both(self) -> bool:
        """Whether both sides run again, changed alike."""
        return bool(self.both or self.environment_both)

    @property
    def seeds_first(self) -> bool:
        """Whether it seeds everything before anything is drawn."""
        return any(plan["do"] == "seed_first" for plan in self.both)

    def joined(self, other: Counterfactual) -> Counterfactual:
        """Returns a re-run that changes what both change; each changes the candidate's side alone."""
        environment = {**self.environment, **other.environment}
        return Counterfactual(f"{self.text}, and {other.text}", (*self.transplants, *other.transplants), environment)


STANDS_IN = "stands_in"
"""Key of a transplant that stands in for a seed that nobody had set."""


@dataclass(frozen=True)
class Suspect:
    """A cause that fits what was seen, before it is confirmed.

    Attributes:
        slug: One of the documented slugs.
        summary: One sentence.
        evidence: The facts behind it.
        location: The user's line to look at first.
        remedy: Text to paste.
        counterfactuals: Re-runs that would confirm it, cheapest first.
        no_counterfactual: Why there is none.
        weak: Whether it says only that something differs, not what: looked at after all others.
        needs_proof: Whether it is a guess until a re-run confirms it, and is not said before.
        asked: Whether it is what the user has made otherwise on one side: then it comes first.
    """

    slug: str
    summary: str
    evidence: tuple[Evidence, ...] = ()
    location: Location | None = None
    remedy: str = ""
    counterfactuals: tuple[Counterfactual, ...] = ()
    no_counterfactual: str = ""
    weak: bool = False
    needs_proof: bool = False
    asked: bool = False


@dataclass(frozen=True)
class Side:
    """One side of a case.

    Attributes:
        run: Its run.
        name: Its name in that run ("" for a run of its own).
        role: "baseline" or "candidate".
        trainings: The trainings that were compared, in order.
        step: The step at which the sides part.
    """

    run: Run
    name: str
    role: str
    trainings: tuple[TrainingRecord, ...]
    step: StepRecord

    @cached_property
    def training(self) -> TrainingRecord:
        """The training in which the sides part."""
        return self.run.training(self.step.training)

    @cached_property
    def model(self) -> ModelRecord:
        """The model that it trains."""
        return self.run.models[self.training.model]

    @cached_property
    def layout(self) -> tuple[VariableRecord, ...]:
        """The variables of that training."""
        state = self.run.begin_state(self.training.number) or self.run.state_after(self.step.index)
        return self.run.layouts[state.layout] if state is not None else ()

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """The ledger of this side, and what came before all sides."""
        return tuple(e for e in self.run.events if e.side in ("", self.name)) if self.name else self.run.events

    @cached_property
    def has_trained_before(self) -> bool:
        """Whether the model of the training in which the sides part was trained before."""
        own = self.training
        return any(each.number < own.number and each.model == own.model for each in self.run.trainings)

    @cached_property
    def is_made_anew(self) -> bool:
        """Whether that model was not trained before, and nothing was loaded into it."""
        weights = [v.origin for v in self.layout if v.role is Role.TRAINABLE]
        return not self.has_trained_before and not any(origin is not None and origin.assigned for origin in weights)

    def digest_before(self, position: int) -> bytes | None:
        """Returns the digest of a variable before the diverging step."""
        state = self.run.state_before(self.step.index)
        return None if state is None else state.digests[16 * position : 16 * position + 16]

    def moves(self, position: int) -> bool | None:
        """Whether the diverging step changes a variable; None where a state was not recorded."""
        before, after = self.run.state_before(self.step.index), self.run.state_after(self.step.index)
        if before is None or after is None or before.layout != after.layout:
            return None
        part = slice(16 * position, 16 * position + 16)
        return before.digests[part] != after.digests[part]

    def layer_of(self, variable: VariableRecord) -> LayerRecord | None:
        """Returns the layer that owns a variable."""
        return None if variable.layer is None else self.model.layers[variable.layer]

    def seeding(self, generator: str, before: int) -> Event | None:
        """Returns the event that seeded `generator` last before the event `before`, or None."""
        found = [e for e in self.run.events if e.kind == "seed" and e.generator == generator and e.id <= before]
        return found[-1] if found and found[-1].value is not None else None

    def draws(self, generator: str, after: int, before: int) -> list[Event]:
        """Returns the draws from `generator` between two events."""
        return [e for e in self.run.events if e.kind == "draw" and e.generator == generator and after < e.id < before]


@dataclass(frozen=True)
class Case:
    """A divergence that is to be explained.

    Attributes:
        comparison: The comparison that found it.
        divergence: Its first divergence.
        a: The baseline.
        b: The candidate.
        same_process: Whether both ran in one process.
        separable: Whether the candidate can be run alone (a side of its own, not a part of one script).
    """

    comparison: Comparison
    divergence: Divergence
    a: Side
    b: Side
    same_process: bool
    separable: bool

    @cached_property
    def places(self) -> tuple[int, int]:
        """Which of the trainings that were compared the two sides part in, by position."""
        first, second = (
            [training.number for training in side.trainings].index(side.training.number) for side in (self.a, self.b)
        )
        return first, second

    @cached_property
    def alignment(self) -> Alignment:
        """How the variables of the two models pair."""
        return align_models(self.a.run, self.a.model, self.a.layout, self.b.run, self.b.model, self.b.layout)

    @cached_property
    def differing(self) -> tuple[tuple[int, int], ...]:
        """Pairs of positions of variables that differ before the diverging step."""
        pairs = []
        for i, j in self.alignment.pairs:
            first, second = self.a.digest_before(i), self.b.digest_before(j)
            if first is not None and second is not None and first != second:
                pairs.append((i, j))
        return tuple(pairs)

    @cached_property
    def knows_batches(self) -> bool:
        """Whether the batches of the diverging step, and of those since both are known to be equal, were read."""
        known = self.divergence.known_equal
        steps = 1 if known is None else max(1, self.divergence.step - known)
        return all(
            side.run.step(index).batch is not None
            for side in (self.a, self.b)
            for index in range(max(0, side.step.index - steps + 1), side.step.index + 1)
        )

    def differing_of(self, *roles: Role) -> list[tuple[int, int]]:
        """Returns those of `differing` whose variables have one of `roles`."""
        return [(i, j) for i, j in self.differing if self.a.layout[i].role in roles]
