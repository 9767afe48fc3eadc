"""The answer to "are these two trainings the same?", as frozen dataclasses.

`docs/reference/comparison.schema.json` describes its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from samefit.comparison.parity import Parity
from samefit.types import Location, Samples, Stage, Verdict, When


@dataclass(frozen=True)
class SideSummary:
    """One side of a comparison.

    Attributes:
        run: Path of the run directory.
        target: The command that was run, as the user wrote it.
        trainings: Numbers of the trainings that were compared, in order.
        models: One label a training, such as 'Sequential "residual"'.
        locations: The line that began each training.
        steps: Number of steps that the side recorded in these trainings.
        backend: Keras backend.
        versions: {package: version}.
        device: Such as "cpu".
        status: Status of the run ("complete", "failed", "stopped", "killed").
    """

    run: str
    target: str
    trainings: tuple[int, ...]
    models: tuple[str, ...]
    locations: tuple[Location | None, ...]
    steps: int
    backend: str
    versions: Mapping[str, str]
    device: str = "cpu"
    status: str = "complete"


@dataclass(frozen=True)
class Divergence:
    """The first place where the two sides part.

    Attributes:
        training: The baseline's training number.
        candidate_training: The candidate's training number.
        epoch: 1-based epoch of the baseline.
        step: 1-based step, counted over the whole compared sequence.
        step_in_epoch: 1-based step within the epoch.
        stage: Stage of the step.
        path: What differs first: a variable's path, "inputs", "loss", a metric's name, a generator.
        detail: One line more, in words: "the same 512 samples in another order".
        num_paths: How many paths of that stage differ at this step.
        known_equal: How many steps from the first on are known to be equal, where these are not all before `step`:
            weights were not recorded in between. None where the place is exact.
        when: When within the training they part.
        samples: What is known of the samples, where the data differ.
    """

    training: int
    candidate_training: int
    epoch: int
    step: int
    step_in_epoch: int
    stage: Stage
    path: str
    detail: str = ""
    num_paths: int = 1
    known_equal: int | None = None
    when: When = When.IN_STEP
    samples: Samples | None = None


@dataclass(frozen=True)
class Difference:
    """When, and by how much, one quantity began to differ.

    Attributes:
        first_step: 1-based step over the compared sequence (0: before the first step), or None if it never differs.
        max_abs: Largest absolute difference over all compared steps; None where only digests are known.
        max_rel: Largest relative difference; None where only digests are known.
        final: The values of the last step that was compared, (baseline, candidate), where there are any.
        steps: Number of steps in which it was compared.
        metrics: For `metrics`: {name: (baseline, candidate)} of the final logs, where both trainings went to their
            ends.
    """

    first_step: int | None
    max_abs: float | None = None
    max_rel: float | None = None
    final: tuple[float, float] | None = None
    steps: int = 0
    metrics: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """One fact that speaks for a cause, in one line.

    Attributes:
        text: The fact.
        side: "baseline", "candidate", or "" for both.
        location: The user's line, if the fact has one.
    """

    text: str
    side: str = ""
    location: Location | None = None


@dataclass(frozen=True)
class Cause:
    """Why two trainings differ.

    Attributes:
        slug: One of the documented slugs (`samefit.explain.slugs.SLUGS`).
        confirmed: True only if a re-run with nothing but this cause removed made the divergence go.
        summary: One sentence.
        evidence: The facts behind it, most telling first.
        location: The line of the user's code to look at first.
        remedy: Text that can be pasted or typed.
        counterfactual: What was re-run with what changed, and what came of it; "" if nothing was re-run.
        unconfirmed_because: Why there is no counterfactual, or what it showed instead; "" if confirmed.
        loss_gaps: Largest absolute gap of the loss (with the cause, without it) over the steps that both re-runs
            have: what a confirmed cause contributed. None where no loss is known or nothing was confirmed.
    """

    slug: str
    confirmed: bool
    summary: str
    evidence: tuple[Evidence, ...] = ()
    location: Location | None = None
    remedy: str = ""
    counterfactual: str = ""
    unconfirmed_because: str = ""
    loss_gaps: tuple[float, float] | None = None


@dataclass(frozen=True)
class SettingDifference:
    """A setting that is not the same on both sides: an environment variable, a version, a flag, an option.

    Attributes:
        kind: "backend", "environment", "version", "device", "flag", "global" (a Keras global setting), "layer",
            "structure", "optimizer", "loss", "compile", "fit", "data" or "code".
        name: Its name, such as "OMP_NUM_THREADS", "keras", "dense.activation".
        baseline: Its value there (None if absent).
        candidate: Its value there (None if absent).
        location: The candidate's line, if known.
    """

    kind: str
    name: str
    baseline: Any
    candidate: Any
    location: Location | None = None


@dataclass(frozen=True)
class AlignmentSummary:
    """How the variables of the two models were paired.

    Attributes:
        method: The named pass: "path" (equal paths and shapes), "execution-order" (layers paired in order of execution,
            by class, role and shape), or "none".
        pairs: Number of pairs of model variables.
        only_in_baseline: Paths without a partner.
        only_in_candidate: Paths without a partner.
        confidence: "certain" or "ambiguous".
        note: Why it is ambiguous, or "".
    """

    method: str
    pairs: int
    only_in_baseline: tuple[str, ...] = ()
    only_in_candidate: tuple[str, ...] = ()
    confidence: str = "certain"
    note: str = ""


@dataclass(frozen=True)
class Size:
    """How far two arrays are apart.

    Attributes:
        different: Number of elements that are not the same.
        elements: Number of elements.
        max_abs: Largest absolute difference of finite elements.
        max_rel: That, over the largest magnitude in the baseline; None where that is zero.
        max_ulp: Largest number of representable values that two elements are apart (units in the last place); near
            zero a tiny difference is very many of them. None for other types than floats.
    """

    different: int
    elements: int
    max_abs: float
    max_rel: float | None = None
    max_ulp: int | None = None


@dataclass(frozen=True)
class Inside:
    """Where two sides part inside of a step: both ran it once more with every layer watched.

    Attributes:
        step: 1-based step, counted over the whole compared sequence.
        phase: "forward" (what a layer or an operation gives out), "loss", "backward" (gradients), "update" (weights and
            slots), "state" (other variables), or "none" (nothing that was watched differs).
        path: What differs first: names of layers from the outside in, "loss", or the path of a variable.
        candidate_path: Its partner in the candidate.
        call: Which call of that layer in the step it is, counted from 1; 0 for a variable.
        calls: How often the baseline calls it in the step.
        from_equal: Whether all that goes in is equal: inputs, masks and weights, or all that was computed before.
        num_different: How many outputs, gradients or variables of this phase differ.
        size: How far apart; None where the values were not kept.
        because: The option, mask, or kernel behind it, as far as it can be known; one line each.
        only_in_baseline: What was called there alone, between the last equal output and this one.
        only_in_candidate: The same for the candidate.
        location: The candidate's line that made the layer.
        distances: (baseline, candidate): how far the second run of the step is from the one that trained: largest
            difference over largest magnitude of a variable, 0 for bit for bit the same; None where not known.
        eager: (baseline, candidate): whether the step is compiled in the training and could be watched eagerly only.
        failed: Why the step could not be watched, or "".
        grows: Where a difference that begins as rounding becomes a large one; None if it does not, or begins large.
        removed: Slugs of the causes without which both sides were run to get there; empty for the sides as they are.
    """

    step: int
    phase: str
    path: str = ""
    candidate_path: str = ""
    call: int = 0
    calls: int = 0
    from_equal: bool = True
    num_different: int = 0
    size: Size | None = None
    because: tuple[str, ...] = ()
    only_in_baseline: tuple[str, ...] = ()
    only_in_candidate: tuple[str, ...] = ()
    location: Location | None = None
    distances: tuple[float | None, float | None] = (None, None)
    eager: tuple[bool, bool] = (False, False)
    failed: str = ""
    grows: Inside | None = None
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two trainings, one verdict.

    Attributes:
        verdict: One of five.
        baseline: The first side.
        candidate: The second side.
        first_divergence: None unless something differs.
        causes: In the order in which they act; empty until they were looked for.
        differences: Keys "loss", "updates", "weights", "metrics".
        settings: Settings that differ: evidence, not divergence.
        alignment: How variables were paired.
        steps_compared: Number of step pairs that were compared.
        equal: What was found equal, in words, for the report.
        notes: What the reader should know: limits, things not seen, why identical is identical.
        timing: Seconds, by phase.
        unpinned: For `check --pin`: the comparison as it is, without pinning.
        inside: Where the two part inside of the step; None where that was not looked for.
        parity: What is left between two backends; None where that was not measured.
    """

    verdict: Verdict
    baseline: SideSummary
    candidate: SideSummary
    first_divergence: Divergence | None = None
    causes: tuple[Cause, ...] = ()
    differences: Mapping[str, Difference] = field(default_factory=dict)
    settings: tuple[SettingDifference, ...] = ()
    alignment: AlignmentSummary = AlignmentSummary("none", 0)
    steps_compared: int = 0
    equal: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timing: Mapping[str, float] = field(default_factory=dict)
    unpinned: Comparison | None = None
    inside: Inside | None = None
    parity: Parity | None = None

    @property
    def same(self) -> bool:
        """Whether the trainings are the same: identical, or within the measured tolerance."""
        return self.verdict in (Verdict.IDENTICAL, Verdict.WITHIN_TOLERANCE)

    def with_causes(self, causes: tuple[Cause, ...]) -> Comparison:
        """Returns this comparison with `causes` filled in."""
        return replace(self, causes=causes)

    def __str__(self) -> str:
        """Returns the report as plain text, for `print`."""
        from samefit.report.text import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        """Shows the comparison in a notebook."""
        from samefit.report.html_fragment import to_html

        return to_html(self)
