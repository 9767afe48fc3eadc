"""One step from equal state, in float32, in float64, and from a state one unit in the last place off.

What two sides compute in a step is the same mathematics if the gap between their gradients goes away in float64 as fast
as the precision grows. A gap of the loss over a whole training cannot show that: training amplifies it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from samefit.checks.execution import Execution
from samefit.checks.met import not_met, planned
from samefit.checks.pair import Pair, Part
from samefit.checks.workshop import Begun, Workshop
from samefit.comparison.pairing import Pairing
from samefit.comparison.result import Comparison
from samefit.errors import SamefitError
from samefit.store.digest import Array
from samefit.store.reader import Run
from samefit.types import Role

_PROVEN = 1e-4
"""Gap in float64 over gap in float32, below which both sides do the same mathematics; pure cases measured 4e-9."""

_FLOORS = 10.0
"""So many times what one unit in the last place moves is what rounding explains where float64 does not decide: some
kernels compute in float32 whatever they are given. Measured: rounding below 2.5, logic above 2,500."""

_Paths = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class OneStep:
    """How far the gradients of one step are apart, relative to the Euclidean norm of the baseline's whole gradient.

    Attributes:
        gap: Largest difference of an element between the two sides, in the precision of the training.
        gap_float64: The same in float64; None where a side cannot be run so.
        floor: The same between the baseline and itself from a state that is one unit in the last place off.
    """

    gap: float
    gap_float64: float | None
    floor: float

    @property
    def is_proven(self) -> bool:
        """Whether float64 shows that both sides do the same mathematics."""
        return self.gap_float64 is not None and self.gap_float64 < _PROVEN * self.gap

    @property
    def is_rounding(self) -> bool:
        """Whether rounding explains the gap."""
        return self.is_proven or self.gap <= _FLOORS * self.floor

    @property
    def text(self) -> str:
        """One line with the figures."""
        wide = "" if self.gap_float64 is None else f", by {self.gap_float64:.2g} in float64"
        judged = (
            "the same mathematics" if self.is_proven else "rounding may explain it" if self.is_rounding else "logic"
        )
        return (
            f"one step from equal weights: the gradients differ by {self.gap:.2g} times their norm{wide}, and by "
            f"{self.floor:.2g} where the weights change by one unit in the last place: {judged}"
        )


def measure_one_step(pair: Pair, comparison: Comparison, workshop: Workshop) -> OneStep | None:
    """Re-runs the step at which two sides part, where it is the first of its training, and measures the gap.

    The optimizer is plain gradient descent with a learning rate of 1 in these re-runs, so that the change of the
    weights is the gradient, and no optimizer scales up the noise of gradients that are zero.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where the re-runs are made.

    Returns:
        The gaps, or None where the step is not the first of a training, has no gradient that can be read, or agrees
        in its gradients.
    """
    divergence = comparison.first_divergence
    if divergence is None or divergence.step < 1:
        return None
    pairing = Pairing(pair.a.run, pair.b.run, pair.a.selected(), pair.b.selected())
    position = divergence.step - 1
    trainings = pairing.trainings_at(position)
    if not (pairing.steps_a.begins(position) and pairing.steps_b.begins(position)):
        return None
    if any(training.compiled.get("number") is None for training in trainings):
        return None
    layouts, alignment = pairing.layouts_at(position), pairing.alignment_at(position)
    paths = [(layouts[0][i].path, layouts[1][j].path) for i, j in pairing.weights(alignment, layouts[0])]
    trainable = [
        (layouts[0][i].path, layouts[1][j].path) for i, j in alignment.pairs if layouts[0][i].role is Role.TRAINABLE
    ]
    steps = _Steps(pair, trainings[0].number, trainings[1].number, divergence.step, paths, trainable)
    # All of them begin before the first is waited for: they do not depend on each other.
    plain_runs = steps.begin(workshop, "step", both=True)
    moved_runs = steps.begin(workshop, "step-perturbed", both=False, perturb=True)
    wide_runs = steps.begin(workshop, "step-float64", both=True, float64=True)
    try:
        plain, moved = plain_runs.gradients(), moved_runs.gradients()
        if plain is None or moved is None:
            return None
        gap, floor = _gap(*plain), _gap(plain[0], moved[0])
        if not gap or not np.isfinite(gap):
            return None
        return OneStep(gap, _gap_float64(wide_runs, workshop), floor)
    except SamefitError as error:
        workshop.say(f"one step could not be measured: {str(error).splitlines()[0]}")
        return None
    finally:
        for run in (*plain_runs.runs, *moved_runs.runs, *wide_runs.runs):
            run.drop()


def _gap_float64(runs: _Begun, workshop: Workshop) -> float | None:
    try:
        wide = runs.gradients()
    except SamefitError as error:  # a script may not be able to run in float64
        workshop.say(f"no step in float64: {str(error).splitlines()[0]}")
        return None
    return None if wide is None else _gap(*wide)


def _gap(one: Sequence[Array], other: Sequence[Array]) -> float:
    norm = float(np.sqrt(sum(float(np.sum(np.square(gradient))) for gradient in one)))
    largest = max((float(np.max(np.abs(a - b), initial=0.0)) for a, b in zip(one, other, strict=True)), default=0.0)
    return largest / norm if norm else 0.0


@dataclass(frozen=True)
class _Steps:
    """The step, and how it is run again.

    Attributes:
        pair: The two sides.
        training_a: Number of the baseline's training.
        training_b: Number of the candidate's training.
        step: 1-based step over the compared sequence.
        paths: Paths of the aligned weights, (baseline's, candidate's).
        trainable: The same of those that are trained.
    """

    pair: Pair
    training_a: int
    training_b: int
    step: int
    paths: _Paths
    trainable: _Paths

    def begin(
        self, workshop: Workshop, name: str, *, both: bool, perturb: bool = False, float64: bool = False
    ) -> _Begun:
        """Begins to run the step again, on both sides or (unless `both`) on the baseline alone."""
        pair, options = self.pair, {"perturb": perturb, "float64": float64}
        first = self._execution(pair.execution_a, pair.a, self.training_a, [(a, a) for a, _ in self.paths], **options)
        base = first if pair.same_process else pair.execution_b
        paths = [(b, a) for a, b in self.paths]
        second = self._execution(base, pair.b, self.training_b, paths, **options) if both else first
        if pair.same_process:
            return _Begun(self, [workshop.begin(second, name)], (second, second), both)
        begun = [workshop.begin(first, f"{name}-a"), *([workshop.begin(second, f"{name}-b")] if both else [])]
        return _Begun(self, begun, (first, second), both)

    def _execution(
        self,
        execution: Execution,
        part: Part,
        training: int,
        pairs: _Paths,
        *,
        perturb: bool,
        float64: bool,
    ) -> Execution:
        record = part.run.training(training)
        source = {"from": str(self.pair.a.run.path.absolute()), "arrays": f"initial-{self.training_a}"}
        descent = {"class": "SGD", "config": {"learning_rate": 1.0}}
        plan: list[Mapping[str, Any]] = [
            {"do": "compile", "side": part.side, "compile": record.compiled["number"], "optimizer": descent},
            {"do": "weights", "training": training, "pairs": dict(pairs), **source},
        ]
        if perturb:
            plan.append({"do": "perturb", "training": training})
        if float64:
            plan.append({"do": "global", "side": part.side, "floatx": "float64", "wide": True})
            execution = replace(execution, environment={**execution.environment, "JAX_ENABLE_X64": "1"})
        kept = [*execution.options.get("keep_states", ()), part.places[self.step - 1]]
        end = max(part.steps_up_to(self.step), max(kept) + 1)
        options = {**execution.options, "keep_states": kept, "stop_after": end}
        return replace(execution, options=options).with_transplants(plan)


@dataclass(frozen=True)
class _Begun:
    """Re-runs of the step that were begun.

    Attributes:
        steps: The step.
        runs: One for each process.
        executions: What runs on each side.
        both: Whether it runs on both sides, or on the baseline alone.
    """

    steps: _Steps
    runs: Sequence[Begun]
    executions: tuple[Execution, Execution]
    both: bool

    def gradients(self) -> tuple[list[Array], list[Array]] | None:
        """Returns the gradients of both sides (of the baseline, twice, unless `both`); None if they cannot be read.

        Raises:
            SamefitError: If a script fails.
        """
        steps, pair = self.steps, self.steps.pair
        runs = [begun.run() for begun in self.runs]
        numbers = steps.training_a, steps.training_b if self.both else steps.training_a
        parts = pair.a, pair.b if self.both else pair.a
        begins = planned(pair.execution_a), planned(pair.execution_b if self.both else pair.execution_a)
        found = []
        for side, run in enumerate((runs[0], runs[-1])):
            if not_met([run], [begins[side]], planned(self.executions[side]) - begins[side]):
                return None
            names = [paths[side if self.both else 0] for paths in steps.trainable]
            gradient = _gradient(run, numbers[side], parts[side].places[steps.step - 1], names)
            if gradient is None:
                return None
            found.append(gradient)
        return found[0], found[1]


def _gradient(run: Run, training: int, index: int, paths: Sequence[str]) -> list[Array] | None:
    """Returns what was taken off each weight in the step, in float64; None if anything is missing or frozen."""
    before, after = run.arrays(f"initial-{training}"), run.arrays(f"state-{index}")
    if before is None or after is None or not {*paths} <= {*before} & {*after}:
        return None
    return [before[path].astype(np.float64) - after[path].astype(np.float64) for path in paths]
