"""The answer to "are these two the same model?", as frozen dataclasses.

`docs/reference/model-comparison.schema.json` describes its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from samefit.comparison.result import AlignmentSummary, SettingDifference
from samefit.types import Location


class ModelVerdict(StrEnum):
    """The five answers to "are these two the same model?"."""

    IDENTICAL = "identical"
    SAME_FUNCTION = "same_function"
    WITHIN_TOLERANCE = "within_tolerance"
    DIVERGED = "diverged"
    NOT_COMPARABLE = "not_comparable"


class Weights(StrEnum):
    """What is to be said of the weights and seeds that two models begin with, before any were exchanged."""

    EQUAL = "equal"
    OTHER_DRAW = "other_draw"
    OTHER_VALUES = "other_values"


WEIGHTS_MAY = ("equal", "drawn", "any")
"""What a user may ask of the weights: equal bits, equal but for their draw, or nothing."""


@dataclass(frozen=True)
class ModelSide:
    """One of the two models.

    Attributes:
        target: What the user named.
        model: Such as 'Sequential "residual"'.
        location: The line that constructed it, if known.
        weights: Number of its weights.
        backend: Keras backend.
        versions: {package: version}.
        device: Such as "cpu".
        run: Path of the run directory; "" if the model was probed in the user's own process.
    """

    target: str
    model: str
    location: Location | None
    weights: int
    backend: str
    versions: Mapping[str, str]
    device: str = "cpu"
    run: str = ""


@dataclass(frozen=True)
class WeightDifference:
    """A weight, or the seed of a layer, that does not begin with the same value on both sides.

    Attributes:
        path: Its path in the candidate.
        kind: "draw" (the same initialiser drew other numbers), "seed" (of a random layer), or "values" (loaded,
            assigned, trained, made by another initialiser, or of unknown origin).
        detail: Where the two values came from, in words.
        max_abs: Largest absolute difference; None for seeds.
        location: The candidate's line, if known.
    """

    path: str
    kind: str
    detail: str = ""
    max_abs: float | None = None
    location: Location | None = None


@dataclass(frozen=True)
class PassComparison:
    """One pass of both models, on the same data, with the baseline's weights in both.

    Attributes:
        name: "inference", "training" (outputs and new state) or "backward" (loss and gradients).
        compared: Number of arrays that were compared.
        equal: How many of them are equal, bit for bit.
        first: What differs first, such as "outputs of dense_1" or "gradient of dense/kernel"; "" if nothing does.
        max_abs: Largest absolute difference.
        max_ulp: Largest distance in units in the last place; None where there is none (another dtype, NaN).
        max_rel: Largest difference relative to the largest number of its array.
        floor: What rounding does to that array: the same figure between two passes of the candidate, one of them with
            weights and data one unit in the last place off. None where it was not measured.
        is_rounding: Whether every difference is one that rounding explains.
        failed: Why the pass could not be made of one of the two, or "".
        without: Why nothing was compared, for a reason that is the same on both sides, or "".
    """

    name: str
    compared: int
    equal: int
    first: str = ""
    max_abs: float = 0.0
    max_ulp: int | None = 0
    max_rel: float = 0.0
    floor: float | None = None
    is_rounding: bool = True
    failed: str = ""
    without: str = ""

    @property
    def same(self) -> bool:
        """Whether all arrays that there are to compare are equal, bit for bit."""
        return not self.failed and self.compared == self.equal


_UNALIGNED = AlignmentSummary("none", 0)


@dataclass(frozen=True)
class ModelComparison:
    """Two models, one verdict.

    Attributes:
        verdict: "identical": structure, options, weights and all passes, bit for bit. "within_tolerance": the same but
            for rounding in the passes. "same_function": structure and options are equal, the weights are not; with
            the baseline's weights in both, all passes agree. "diverged": structure, options or passes differ.
            "not_comparable": nothing could be compared.
        weights: What is to be said of the weights themselves.
        weights_may: What the user asked of them: "equal", "drawn" or "any".
        baseline: The first model.
        candidate: The second model.
        settings: What differs in structure and options: kinds "structure", "layer", "weights", "inputs".
        seeds: Seeds that the user wrote and that differ; they are no difference of the model.
        weight_differences: Weights and seeds that begin with other values.
        passes: Inference, training, backward.
        alignment: How weights were paired.
        equal: What was found equal, in words.
        notes: What the reader should know.
        timing: Seconds, by phase.
    """

    verdict: ModelVerdict
    weights: Weights
    baseline: ModelSide
    candidate: ModelSide
    weights_may: str = "drawn"
    settings: tuple[SettingDifference, ...] = ()
    seeds: tuple[SettingDifference, ...] = ()
    weight_differences: tuple[WeightDifference, ...] = ()
    passes: tuple[PassComparison, ...] = ()
    alignment: AlignmentSummary = _UNALIGNED
    equal: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Whether the two are the same model, as far as the user asked of their weights."""
        if self.verdict in (ModelVerdict.IDENTICAL, ModelVerdict.WITHIN_TOLERANCE):
            return True
        allowed = {"equal": (), "drawn": (Weights.OTHER_DRAW,), "any": tuple(Weights)}[self.weights_may]
        return self.verdict is ModelVerdict.SAME_FUNCTION and self.weights in allowed

    @property
    def same_function(self) -> bool | None:
        """Whether both compute the same on the data, with the same weights; None if that could not be seen."""
        if not self.passes or any(one.failed for one in self.passes):
            return None
        return all(one.same or one.is_rounding for one in self.passes)

    def _repr_html_(self) -> str:
        """Shows the comparison in a notebook."""
        from samefit.report.html_fragment import models_to_html

        return models_to_html(self)
