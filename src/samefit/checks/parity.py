"""What is left between two backends, judged: single steps from equal state, and how far the whole trainings get apart.

The baseline runs once more and keeps its state before the steps that are judged. Then the candidate runs, and looks
into these steps from the baseline's state (`samefit.store.inside.Look`), so that a difference of a step is its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from samefit.checks.execution import Execution, in_float64
from samefit.checks.pair import Pair
from samefit.checks.workshop import Begun, Workshop
from samefit.comparison.envelope import judged_steps, sampled_steps
from samefit.comparison.judged import Models, View, judge_step
from samefit.comparison.pairing import MISSING, Pairing, at
from samefit.comparison.parity import Batches, JudgedStep, Parity
from samefit.comparison.result import Comparison
from samefit.errors import SamefitError
from samefit.store.inside import Look
from samefit.store.reader import Run
from samefit.types import Role

_ROOM = 1 << 28
"""Elements of states that are kept to show how weights get apart: 1 GB of float32."""


@dataclass(frozen=True)
class Measured:
    """What was judged, and the runs that it was judged on.

    Attributes:
        parity: The answer, without its envelope.
        pairing: The two sides as they were run again; None if a re-run failed.
        samples: 1-based steps after which these runs keep their states.
    """

    parity: Parity
    pairing: Pairing | None = None
    samples: Sequence[int] = ()


def measure_parity(
    pair: Pair, comparison: Comparison, workshop: Workshop, batches: Batches | None = None
) -> Measured | None:
    """Judges steps of two sides that run on two backends, each in a process of its own, and part inside of a step.

    Args:
        pair: The two sides.
        comparison: Their comparison.
        workshop: Where the re-runs are made.
        batches: What was found of the batches that differ; None where none does.

    Returns:
        What was found; None where that is not asked here.
    """
    try:
        measurement = _measurement(pair, comparison)
        return None if measurement is None else measurement.measured(workshop, batches)
    except SamefitError as error:  # a script may not run again; the verdict then rests on what is known
        return Measured(Parity(failed=f"a re-run failed: {str(error).splitlines()[0]}", batches=batches))


def kept_by_parity(pair: Pair, comparison: Comparison) -> Sequence[int]:
    """Returns the indices of the baseline's steps after which `measure_parity` keeps states; none if it is not asked.

    Args:
        pair: The two sides.
        comparison: Their comparison.
    """
    try:
        measurement = _measurement(pair, comparison)
    except SamefitError:  # `measure_parity` meets it again, and says it
        return ()
    return () if measurement is None else measurement.kept


def _measurement(pair: Pair, comparison: Comparison) -> _Measurement | None:
    divergence = comparison.first_divergence
    two_backends = comparison.baseline.backend != comparison.candidate.backend
    if divergence is None or divergence.step < 1 or pair.same_process or not two_backends:
        return None
    pairing = Pairing(pair.a.run, pair.b.run, pair.a.selected(), pair.b.selected())
    return _Measurement(pair, pairing, divergence.step)


@dataclass(frozen=True)
class _Asked:
    """A step that is judged.

    Attributes:
        step: 1-based, over the compared sequence.
        why: Why it was chosen.
        index_a: Its index in the baseline's run.
        index_b: Its index in the candidate's run.
        is_handed: Whether the candidate takes it with the baseline's batch: its own has other bits.
    """

    step: int
    why: str
    index_a: int
    index_b: int
    is_handed: bool = False


class _Measurement:
    """The re-runs of one measurement."""

    def __init__(self, pair: Pair, pairing: Pairing, first: int) -> None:
        self._pair, self._pairing = pair, pairing
        self._asked = [self._ask(step, why) for step, why in judged_steps(pairing, first)]
        last = self._asked[-1].step
        self._samples = sampled_steps(last, _affordable(pairing))

    def _ask(self, step: int, why: str) -> _Asked:
        steps_a, position = self._pairing.steps_a, step - 1
        index = steps_a.indices[position]
        batches = steps_a[position].batch, self._pairing.steps_b[position].batch
        is_handed = None not in batches and batches[0] != batches[1]
        return _Asked(step, why, index, self._pairing.steps_b.indices[position], is_handed)

    @property
    def kept(self) -> list[int]:
        """Indices of the baseline's steps after which states are kept to show how the sides get apart."""
        return [self._pairing.steps_a.indices[step - 1] for step in self._samples]

    def measured(self, workshop: Workshop, batches: Batches | None) -> Measured:
        """Makes the re-runs, two at once, and judges the steps."""
        asked, pairing = self._asked, self._pairing
        numbers = " and ".join(str(one.step) for one in asked)
        workshop.say(f"judging the steps {numbers} from equal state, and in float64")
        execution_a, execution_b = self._pair.execution_a, self._pair.execution_b
        looks_a = [look for one in asked for look in _looks_of_baseline(one)]
        run_a = workshop.begin(_looking(execution_a, looks_a, self.kept), "parity-a").run()
        looks_b = [self._look_of_candidate(one, begins=run_a, gradients=run_a) for one in asked]
        kept_b = [pairing.steps_b.indices[step - 1] for step in self._samples]
        begun_b = workshop.begin(_looking(execution_b, looks_b, kept_b), "parity-b")
        wide_a = self._begin_float64(asked[:1], run_a, workshop)
        run_b = begun_b.run()
        again = _paired(self._pair, run_a, run_b)
        wide = self._in_float64(asked[:1], run_a, wide_a, workshop)
        steps = [self._judged(asked[0], run_a, run_b, wide)]
        steps += [self._judged(one, run_a, run_b, None) for one in asked[1:]]
        # A late step in float64 takes as long as the training up to it.
        doubtful = [i for i, step in enumerate(steps) if i and not step.failed and step.verdict != "rounding"]
        if doubtful:
            late = [asked[i] for i in doubtful]
            wide = self._in_float64(late, run_a, self._begin_float64(late, run_a, workshop), workshop)
            for i in doubtful:
                steps[i] = self._judged(asked[i], run_a, run_b, wide)
        parity = Parity(
            start=self._start(),
            order=self._order(batches),
            masks=_all([step.masks for step in steps]),
            steps=tuple(steps),
            batches=batches,
        )
        return Measured(parity, again, self._samples)

    def _look_of_candidate(self, one: _Asked, *, begins: Run, gradients: Run) -> Look:
        """Returns the look in which the candidate takes a step from what runs of the baseline hold."""
        layouts, alignment = self._pairing.layouts_at(one.step - 1), self._pairing.alignment_at(one.step - 1)
        return Look(
            one.index_b,
            state=_file(begins, f"inside-{one.index_a}"),
            gradients=_file(gradients, f"inside-{one.index_a}"),
            batch=_file(gradients, f"inside-{one.index_a}") if one.is_handed else "",
            pairs={layouts[1][j].path: layouts[0][i].path for i, j in alignment.pairs},
        )

    def _begin_float64(self, asked: Sequence[_Asked], run_a: Run, workshop: Workshop) -> Begun:
        looks = [Look(one.index_a, state=_file(run_a, f"inside-{one.index_a}")) for one in asked]
        return workshop.begin(
            _looking(in_float64(self._pair.execution_a, self._pair.a.side), looks, ()), "parity-float64-a"
        )

    def _in_float64(
        self, asked: Sequence[_Asked], run_a: Run, begun_a: Begun, workshop: Workshop
    ) -> tuple[Run, Run] | None:
        """Returns steps from the same states in float64; None where a side cannot be run so."""
        try:
            wide_a = begun_a.run()
            looks = [self._look_of_candidate(one, begins=run_a, gradients=wide_a) for one in asked]
            wide_b = workshop.begin(
                _looking(in_float64(self._pair.execution_b, self._pair.b.side), looks, ()), "parity-float64-b"
            ).run()
        except SamefitError as error:  # a script may not be able to run in float64
            workshop.say(f"no step in float64: {str(error).splitlines()[0]}")
            return None
        return wide_a, wide_b

    def _judged(self, one: _Asked, run_a: Run, run_b: Run, wide: tuple[Run, Run] | None) -> JudgedStep:
        """Judges one step of the re-runs."""
        batches = run_a.step(one.index_a).batch, run_b.step(one.index_b).batch
        if batches[0] != batches[1] and not one.is_handed:
            return JudgedStep(one.step, one.why, failed="the two got other batches when they ran again")
        found = []
        for role, run, name in (
            ("baseline", run_a, str(one.index_a)),
            ("candidate", run_b, str(one.index_b)),
            ("baseline", run_a, f"{one.index_a}-moved"),
        ):
            view = _view(run, name)
            if isinstance(view, str):
                return JudgedStep(one.step, one.why, failed=f"{role}: {view}")
            found.append(view)
        named = found[0].arrays.items()
        begin = {name.removeprefix("before/"): array for name, array in named if name.startswith("before/")}
        far = None
        if wide is not None:
            views = _view(wide[0], str(one.index_a)), _view(wide[1], str(one.index_b))
            if isinstance(views[0], View) and isinstance(views[1], View):
                far = views[0], views[1]
        judged = judge_step(self._models(one), begin, (found[0], found[1]), found[2], far)
        return replace(judged, step=one.step, why=one.why, is_handed=one.is_handed)

    def _models(self, one: _Asked) -> Models:
        position, pairing = one.step - 1, self._pairing
        trainings, layouts = pairing.trainings_at(position), pairing.layouts_at(position)
        alignment = pairing.alignment_at(position)
        return Models(
            pairing.run_a.models[trainings[0].model],
            pairing.run_b.models[trainings[1].model],
            alignment.layers,
            [(layouts[0][i], layouts[1][j]) for i, j in alignment.pairs],
        )

    def _start(self) -> bool | None:
        first, second = self._pairing.states_before(0)
        if first is None or second is None:
            return None
        layout = self._pairing.run_a.layouts[first.layout]
        alignment = self._pairing.align(0, first, second)
        known = [
            at(first, i) == at(second, j)
            for i, j in alignment.pairs
            if layout[i].role is not Role.SEED and MISSING not in (at(first, i), at(second, j))
        ]
        return all(known) if known else None

    def _order(self, batches: Batches | None) -> bool | None:
        pairs = [(one[0], other[0]) for _, one, other in self._pairing.texts()]
        if any(one != other for one, other in pairs if None not in (one, other)) and batches is None:
            return False
        if batches is not None and batches.verdict != "rounding":
            return None if batches.verdict == "undecided" else False
        # What was not seen may be otherwise.
        return None if not pairs or any(None in pair for pair in pairs) else True


def _looking(execution: Execution, looks: Sequence[Look], kept: Sequence[int]) -> Execution:
    last = max([*(look.step for look in looks), *kept])
    before = execution.options.get("keep_states", ())
    options = {
        "looks": [asdict(look) for look in looks],
        "keep_states": [*dict.fromkeys([*before, *(index for index in kept if index >= 0)])],
        "stop_after": last + 1,
    }
    return replace(execution, options={**execution.options, **options})


def _looks_of_baseline(one: _Asked) -> tuple[Look, Look]:
    # The second takes the gradients of the first: its update begins one unit off, and nothing else differs.
    moved = Look(one.index_a, f"{one.index_a}-moved", gradients=f"inside-{one.index_a}.safetensors", perturb=True)
    return Look(one.index_a), moved


def _file(run: Run, name: str) -> str:
    return str((run.path / "arrays" / f"{name}.safetensors").absolute())


def _view(run: Run, name: str) -> View | str:
    """Returns what a look saw, or why it saw nothing."""
    step = run.inside(name)
    if step is None:
        return "the step was not reached when it ran again"
    return step.failed or View(step, run.arrays(f"inside-{name}") or {})


def _paired(pair: Pair, run_a: Run, run_b: Run) -> Pairing:
    a, b = replace(pair.a, run=run_a), replace(pair.b, run=run_b)
    return Pairing(run_a, run_b, a.selected(), b.selected())


def _affordable(pairing: Pairing) -> int:
    layout, _ = pairing.layouts_at(0)
    return _ROOM // max(1, sum(math.prod(variable.shape) for variable in layout))


def _all(values: Sequence[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return all(known) if known else None
