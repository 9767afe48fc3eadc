"""What is left between two backends, as frozen dataclasses: equal begins, steps judged from equal state, the envelope.

`docs/reference/comparison.schema.json` describes its JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from samefit.types import Location

FLOORS = 10.0
"""A gap of up to so many times what one unit in the last place moves is what rounding explains. Of the steps that were
measured, rounding stood below 2.5 floors and logic above 2,500."""

PROVEN = 1e-4
"""Gap in float64 over gap as it trains, below which both sides do the same mathematics; pure cases measured 4e-9."""

LOGIC = 0.1
"""Gap in float64 over gap as it trains, above which precision does not matter: the mathematics is another."""

FAR = 100.0
"""So many floors are logic where float64 cannot be asked."""


_NAMES = {
    "forward": "{}",
    "loss": "the {}",
    "backward": "the gradient of {}",
    "update": "the update of {}",
    "state": "the new value of {}",
}


@dataclass(frozen=True)
class Place:
    """How far one output, gradient or variable is apart after one step from equal state.

    Attributes:
        phase: "forward", "loss", "backward", "update" (from equal gradients) or "state".
        path: Names of layers from the outside in, "loss", or the path of a variable.
        gap: Largest difference, over the largest magnitude of an output, the norm of the whole gradient, or the largest
            change of a variable; infinite if only one side is a finite number.
        floor: The same between the baseline and itself from a state that is one unit in the last place off; at least
            one such unit of what is measured.
        gap_float64: The gap in float64; None where it was not asked for or could not be had.
        flips: Whether in this step activations changed sides, by rounding, before this place.
        location: The candidate's line that made the layer.
    """

    phase: str
    path: str
    gap: float
    floor: float
    gap_float64: float | None = None
    flips: bool = False
    location: Location | None = None

    @property
    def name(self) -> str:
        """What it is, in words."""
        return _NAMES[self.phase].format(self.path)

    @property
    def ratio(self) -> float:
        """How many floors the gap is."""
        return self.gap / self.floor if self.floor else 0.0 if not self.gap else float("inf")

    @property
    def verdict(self) -> str:
        """Returns "bits", "rounding", "proven" (rounding by float64), "logic" or "undecided"."""
        if not self.gap:
            return "bits"
        wide = self.gap_float64
        if wide is not None and wide < PROVEN * self.gap:
            return "proven"
        if self.ratio <= FLOORS:
            return "rounding"
        if wide is not None:
            return "logic" if wide > LOGIC * self.gap else "undecided"
        # Where activations change sides a gradient may be far off and still be rounding.
        return "logic" if self.ratio > FAR and not self.flips else "undecided"


@dataclass(frozen=True)
class Flips:
    """Elements of one activation that lie within rounding of its corner, on another side in each backend.

    Attributes:
        path: Names of layers from the outside in.
        number: How many they are.
        elements: Of how many.
        corner: Where the corner is, such as 0 for a ReLU.
        distance: How far from the corner the farthest of them is.
        relative: That, over the largest magnitude that the layer gives out.
    """

    path: str
    number: int
    elements: int
    corner: float
    distance: float
    relative: float


@dataclass(frozen=True)
class BatchGap:
    """How far the two batches of one step are apart, in that of their arrays that tells most.

    Attributes:
        step: 1-based step, counted over the whole compared sequence.
        array: Position of the array among the arrays of the batch (0-based).
        gap: Largest difference over the largest magnitude; infinite between unlike shapes.
        ulp: One unit in the last place, over the same; 0 for an array of whole numbers.
        gap_float64: The gap where both sides run in float64; None where that was not asked for or could not be had.
        is_wide: Whether that run computed the array in float64, so that a gap that stays there is no rounding.
        floor: The gap between the baseline and itself from first weights that are one unit in the last place off; None
            where that was not asked for or could not be had.
    """

    step: int
    array: int
    gap: float
    ulp: float
    gap_float64: float | None = None
    is_wide: bool = False
    floor: float | None = None

    @property
    def verdict(self) -> str:
        """Returns "bits", "rounding", "proven" (rounding by float64), "logic" or "undecided"."""
        if not self.gap:
            return "bits"
        if math.isinf(self.gap):
            return "logic"
        if self.gap <= FLOORS * self.ulp:
            return "rounding"
        wide = self.gap_float64
        # A script may take to float32 what it computed in float64: then one unit of that is left here and there.
        if wide is not None and (wide < PROVEN * self.gap or wide <= self.ulp):
            return "proven"
        if wide is not None and self.is_wide and wide > LOGIC * self.gap:
            return "logic"
        if self.floor is not None and self.gap <= FLOORS * self.floor:
            return "rounding"
        # Of whole numbers, such as labels that a model gives, one may change where the model is next to a border.
        far = self.floor is not None and self.ulp and self.gap > FAR * max(self.floor, self.ulp)
        return "logic" if far else "undecided"


@dataclass(frozen=True)
class Batches:
    """Batches of which the two sides have other bits, looked at when both ran again.

    Attributes:
        differ: How many steps have batches that differ.
        first: The first of these steps, 1-based.
        gaps: What was found, a step each, in order; only so many are looked at as there is room for.
        failed: Why none could be looked at, or "".
        missing: How many were asked for and could not be had: nothing is known of them.
    """

    differ: int
    first: int
    gaps: tuple[BatchGap, ...] = ()
    failed: str = ""
    missing: int = 0

    @property
    def telling(self) -> BatchGap | None:
        """That which the verdict rests on; where all is rounding, the largest."""
        order = ("logic", "undecided")
        doubted = (gap for verdict in order for gap in self.gaps if gap.verdict == verdict)
        return next(doubted, max(self.gaps, key=lambda gap: gap.gap, default=None))

    @property
    def verdict(self) -> str:
        """Returns "rounding" (the values are computed on each side), "logic" (they are others) or "undecided"."""
        found = {gap.verdict for gap in self.gaps}
        if "logic" in found:
            return "logic"
        return "undecided" if "undecided" in found or not found or self.missing else "rounding"


@dataclass(frozen=True)
class JudgedStep:
    """One step that both sides took from the baseline's state, with the baseline's gradients.

    Attributes:
        step: 1-based step, counted over the whole compared sequence.
        why: Why it was chosen: "first", "before growth", "growth" or "last".
        places: What was compared, in the order of computation: every call, and of gradients and variables the one with
            the most floors in each phase and each that rounding does not explain.
        flips: Activations that changed sides.
        compared: How many outputs, gradients and variables were compared.
        masks: Whether all random layers gave out zeros at the same elements; None where none was seen.
        failed: Why the step could not be judged, or "".
        is_handed: Whether the candidate took it with the baseline's batch, because its own has other bits.
    """

    step: int
    why: str
    places: tuple[Place, ...] = ()
    flips: tuple[Flips, ...] = ()
    compared: int = 0
    masks: bool | None = None
    failed: str = ""
    is_handed: bool = False

    @property
    def begins(self) -> Place | None:
        """Where the two first differ in the step."""
        return next((place for place in self.places if place.gap), None)

    @property
    def beyond(self) -> Place | None:
        """The first place that rounding does not explain."""
        return next((place for place in self.places if place.verdict == "logic"), None)

    @property
    def telling(self) -> Place | None:
        """The place that its verdict rests on; where all is rounding, that with the most floors."""
        doubted = (place for place in self.places if place.verdict == "undecided")
        worst = max((p for p in self.places if p.gap), key=lambda place: place.ratio, default=None)
        return self.beyond or next(doubted, worst)

    @property
    def verdict(self) -> str:
        """Returns "rounding" (or no difference at all), "logic" or "undecided"."""
        if self.failed:
            return "undecided"
        found = {place.verdict for place in self.places}
        return "logic" if "logic" in found else "undecided" if "undecided" in found else "rounding"


@dataclass(frozen=True)
class Sample:
    """How far two whole trainings are apart after one of their steps.

    Attributes:
        step: 1-based step, counted over the whole compared sequence.
        loss: Largest absolute gap of the loss in the steps up to this one, after the sample before it.
        weights: {path of a weight: largest difference over its largest magnitude}, after this step.
        floor_loss: `loss` between the baseline and itself from first weights that are one unit in the last place off.
        floor_weights: The largest of `weights`, likewise.
    """

    step: int
    loss: float | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    floor_loss: float | None = None
    floor_weights: float | None = None


@dataclass(frozen=True)
class Parity:
    """What is left between two backends.

    Attributes:
        start: Whether the two start from equal weights and slots; None where none of them is known.
        order: Whether all batches are equal, but for rounding; None where some were not seen, or it could not be judged
            whether they are, and none is known to be another.
        masks: Whether random layers drop the same elements in the judged steps; None where there are none, or unseen.
        steps: The judged steps.
        envelope: How far the whole trainings are apart.
        removed: Slugs of the causes without which both sides were run to get here; empty for the sides as they are.
        failed: Why nothing could be judged, or "".
        batches: What was found of the batches that differ; None where none does.
    """

    start: bool | None = None
    order: bool | None = None
    masks: bool | None = None
    steps: tuple[JudgedStep, ...] = ()
    envelope: tuple[Sample, ...] = ()
    removed: tuple[str, ...] = ()
    failed: str = ""
    batches: Batches | None = None

    @property
    def beyond(self) -> tuple[JudgedStep, Place] | None:
        """The first judged step, and the place in it, that rounding does not explain."""
        return next(((step, step.beyond) for step in self.steps if step.beyond is not None), None)

    @property
    def is_rounding(self) -> bool | None:
        """Whether all judged steps differ by rounding alone; None where one is undecided, or none was judged."""
        verdicts = [step.verdict for step in self.steps]
        if "logic" in verdicts:
            return False
        return None if not verdicts or "undecided" in verdicts else True

    @property
    def rounded_loss(self) -> float:
        """By how much the loss of a judged step is off at most, where rounding is all that differs in the step."""
        rounded = (step for step in self.steps if step.verdict == "rounding")
        return max((place.gap for step in rounded for place in step.places if place.phase == "loss"), default=0.0)

    @property
    def is_proven(self) -> bool:
        """Whether float64 shows it of the first judged step, in every place that differs there and was asked for."""
        asked = [place for place in self.steps[0].places if place.gap and place.gap_float64 is not None]
        return bool(asked) and all(place.verdict == "proven" for place in asked)
