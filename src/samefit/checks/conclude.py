"""From two sides that have run to the whole answer: comparison, causes, judgement, notes, timing."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from samefit.checks.batches import measure_batches
from samefit.checks.confirm import Found, case_of, confirmed_causes
from samefit.checks.inside import look_inside
from samefit.checks.narrow import narrowed, with_place_of
from samefit.checks.notes import notes_of
from samefit.checks.one_step import measure_one_step
from samefit.checks.pair import Pair
from samefit.checks.parity import Measured, kept_by_parity, measure_parity
from samefit.checks.rounding import begin_moved, judge
from samefit.checks.told import explained, suspected
from samefit.checks.workshop import Workshop
from samefit.comparison.envelope import envelope
from samefit.comparison.exact import beyond_rounding
from samefit.comparison.pairing import Pairing
from samefit.comparison.parity import Batches, Parity
from samefit.comparison.result import Cause, Comparison, Evidence, Inside
from samefit.explain.batches import COMPUTED
from samefit.explain.inside import named_inside, reproduces
from samefit.explain.parity import named_by_parity, parity_evidence
from samefit.store.reader import Run
from samefit.types import Stage, Verdict

_ENDED = "The trainings part, and were ended after step {steps}; --to-end lets both train to their ends."

_OTHER_ORDER = (
    "The models are not alike. If both scripts train the same models, in another order, that is seen "
    "only with --to-end."
)


def concluded(
    pair: Pair, workshop: Workshop, *, began: float, ended: bool, confirm: bool, inside: bool | None = None
) -> Comparison:
    """Compares two sides and explains what differs.

    Args:
        pair: The two sides.
        workshop: Where re-runs are made.
        began: When the work began, on the monotonic clock.
        ended: Whether the sides were ended early because they had parted.
        confirm: Whether causes are confirmed by re-runs; if not, the most telling suspect is named.
        inside: Whether the step at which they part is looked into; None: if it is an early one and `confirm` is set.
    """
    ran = time.monotonic()
    workshop.say("comparing")
    comparison = pair.compared()
    compared = time.monotonic()
    if ended:
        pair = pair.ending_after(comparison.steps_compared)
        said = _ENDED.format(steps=comparison.steps_compared)
        comparison = replace(comparison, notes=(*comparison.notes, said))
    whole = comparison
    placed, near, comparison = (
        _near(pair, comparison, workshop) if confirm or inside else (pair, comparison, comparison)
    )
    found = Found((), placed, near)
    if comparison.verdict is Verdict.DIVERGED and confirm:
        found, comparison = _explained_by_reruns(placed, near, workshop, (pair, whole), comparison)
    elif comparison.verdict is Verdict.DIVERGED and (case := case_of(placed, near)) is not None:
        comparison = explained(comparison, suspected(case))
    if inside or (inside is None and confirm):
        comparison = replace(comparison, inside=_inside(placed, near, found, workshop, asked=bool(inside)))
        if comparison.inside is not None and comparison.causes:
            *before, last = comparison.causes
            named = (*before, named_inside(last, comparison.inside))
            comparison = replace(_placed(comparison, comparison.inside), causes=named)
    timing = {"run": ran - began, "compare": compared - ran, "explain": time.monotonic() - compared}
    notes = [*comparison.notes, *workshop.remarks, *notes_of(pair, comparison)]
    if ended and _may_be_in_another_order(comparison):
        notes.append(_OTHER_ORDER)
    return replace(comparison, timing=timing, notes=tuple(notes))


def _may_be_in_another_order(comparison: Comparison) -> bool:
    """Whether two trainings that were ended early may be of two models that both scripts train later or before.

    The first models were all that there was to pair. What was confirmed shows that the two belong together, unless they
    are still not alike behind that.
    """
    alignment, causes = comparison.alignment, comparison.causes
    if causes and causes[-1].slug == "model-config":
        return not causes[-1].confirmed
    alike = not (alignment.only_in_baseline or alignment.only_in_candidate)
    return not alike and not any(cause.confirmed for cause in causes)


def explained_by_reruns(pair: Pair, comparison: Comparison, workshop: Workshop) -> Comparison:
    """Returns the comparison with its causes, confirmed by re-runs, and with the verdict that a measured floor allows.

    Args:
        pair: Two sides that part.
        comparison: Their comparison.
        workshop: Where re-runs are made.
    """
    placed, near, shown = _near(pair, comparison, workshop)
    return _explained_by_reruns(placed, near, workshop, (pair, comparison), shown)[1]


def _near(pair: Pair, comparison: Comparison, workshop: Workshop) -> tuple[Pair, Comparison, Comparison]:
    """Returns the sides and the comparison to explain, which know the exact place, and the comparison to show."""
    near, found, note = narrowed(pair, comparison, workshop)
    if not note:
        return near, found, comparison
    return near, found, replace(with_place_of(comparison, found), notes=(*comparison.notes, note))


def _explained_by_reruns(
    pair: Pair, comparison: Comparison, workshop: Workshop, whole: tuple[Pair, Comparison], shown: Comparison
) -> tuple[Found, Comparison]:
    """Returns what was found, and the comparison to show with the causes and the verdict that a measured floor allows.

    Args:
        pair: Two sides that part.
        comparison: Their comparison.
        workshop: Where re-runs are made.
        whole: The same to the ends of the trainings, where `pair` ends at the place where they part.
        shown: The comparison to show.
    """
    found = confirmed_causes(pair, comparison, workshop, workshop.say)
    judged_on = whole if found.pair is pair else (found.pair, found.comparison)
    judged = _judged(found, judged_on, workshop) if found.causes else _Judged(())
    causes, is_rounding = judged.causes, judged.is_all
    shown = replace(shown, parity=judged.parity)
    if found.batches is not None and found.batches.verdict == "rounding" and found.pair is pair:
        shown = _computed(shown)
    rounded = judged.batches is not None and judged.batches.verdict == "rounding"
    differs = _beyond_rounding(whole[0], shown, rounded) if is_rounding else ""
    if differs:
        causes = (*causes[:-1], replace(causes[-1], summary=f"{causes[-1].summary} {_NOT_ALL}"))
        shown = replace(shown, notes=(*shown.notes, _BESIDES.format(differs)))
    shown = explained(shown, causes)
    return found, replace(shown, verdict=Verdict.WITHIN_TOLERANCE) if is_rounding and not differs else shown


@dataclass(frozen=True)
class _Judged:
    """What a measurement of rounding came to.

    Attributes:
        causes: The causes, the last one judged.
        is_all: Whether rounding is all there is.
        parity: What is left between two backends; None where that was not measured.
        batches: What was found of the batches that differ; None where none does, or that was not measured.
    """

    causes: tuple[Cause, ...]
    is_all: bool = False
    parity: Parity | None = None
    batches: Batches | None = None


def _computed(comparison: Comparison) -> Comparison:
    """Says of the place where two sides part what was seen when the values of the batches were looked at."""
    divergence = comparison.first_divergence
    if divergence is None or divergence.stage is not Stage.DATA:
        return comparison
    return replace(comparison, first_divergence=replace(divergence, detail=COMPUTED))


_NOT_ALL = "It is not all that differs: see the note."
_BESIDES = "Besides rounding something else differs, which rounding cannot change: {}."


def _beyond_rounding(pair: Pair, comparison: Comparison, rounded_batches: bool) -> str:
    """Looks at all that comes after the first difference: it was found by rounding, and the search ended there."""
    step = comparison.first_divergence.step if comparison.first_divergence is not None else 1
    sides = pair.a.run, pair.a.selected(), pair.b.run, pair.b.selected()
    return beyond_rounding(*sides, step, rounded_batches=rounded_batches)


def _inside(pair: Pair, comparison: Comparison, found: Found, workshop: Workshop, *, asked: bool) -> Inside | None:
    """Looks inside of the step at which two sides part; without the causes found where those act before any step."""
    inside = look_inside(pair, comparison, workshop, asked=asked)
    if inside is not None or found.pair is pair:
        return inside
    inside = look_inside(found.pair, found.comparison, workshop, asked=asked)
    removed = tuple(cause.slug for cause in found.causes[:-1])
    return None if inside is None else replace(inside, removed=removed)


def _placed(comparison: Comparison, inside: Inside) -> Comparison:
    """Corrects the stage by what was seen inside: without another option it cannot be told from weights alone."""
    divergence = comparison.first_divergence
    seen = inside.phase == "update" and inside.from_equal and not inside.removed and reproduces(inside)
    if divergence is None or not seen or divergence.stage is not Stage.BACKWARD:
        return comparison
    return replace(comparison, first_divergence=replace(divergence, stage=Stage.UPDATE))


def _judged(found: Found, judged_on: tuple[Pair, Comparison], workshop: Workshop) -> _Judged:
    """Measures whether a last cause `rounding` is one."""
    *before, cause = found.causes
    if cause.slug != "rounding":
        return _Judged(found.causes)
    workshop.say("measuring what rounding explains")
    pair, comparison = judged_on
    moved = begin_moved(pair.execution_a, comparison, workshop, kept_by_parity(found.pair, found.comparison))
    batches = found.batches if found.pair is pair else None
    if batches is None:
        batches = measure_batches(pair, comparison, workshop)
    measured = measure_parity(found.pair, found.comparison, workshop, batches)
    judges_steps = measured is not None and measured.parity.steps
    step = None if judges_steps else measure_one_step(found.pair, found.comparison, workshop)
    one_step = 0.0 if measured is None else measured.parity.rounded_loss
    whole = judge(pair.execution_a, pair.a.run, comparison, moved, one_step)
    parity = None if measured is None else _with_envelope(measured, pair, whole.moved, tuple(c.slug for c in before))
    judged = None if parity is None else parity.is_rounding
    if parity is None or not parity.steps:
        lines = [Evidence(step.text)] if step else []
        # Where no step can be judged the whole training decides.
        judged, is_proven = (True, False) if step is None else (step.is_rounding, step.is_proven)
    else:
        lines, is_proven = list(parity_evidence(parity)), parity.is_proven
    cause = replace(cause, evidence=(*cause.evidence, *lines, whole.evidence))
    is_all = False
    if parity is not None and parity.beyond is not None:
        cause = named_by_parity(_unexplained(cause, "The step itself is not the same mathematics."), parity)
    elif judged is False:
        cause = _unexplained(cause, "The step itself is not the same mathematics.")
    elif judged is None:
        cause = _unexplained(cause, "Whether rounding explains the step could not be decided.")
    elif whole.is_rounding is None:
        # One step says nothing about all others: no verdict without a measurement of these.
        pass
    elif whole.is_rounding:
        is_all = not before
    elif is_proven:
        cause = replace(cause, summary=f"{cause.summary} {_LATER}")
    else:
        cause = _unexplained(cause, "The gap is larger than rounding explains.")
    return _Judged((*before, cause), is_all, parity, batches)


def _with_envelope(measured: Measured, pair: Pair, moved: Run | None, removed: tuple[str, ...]) -> Parity:
    if measured.pairing is None:
        return measured.parity
    own = None
    if moved is not None:
        part = replace(pair.a, run=moved)
        run = measured.pairing.run_a
        own = Pairing(run, moved, replace(pair.a, run=run).selected(), part.selected())
    return replace(measured.parity, envelope=envelope(measured.pairing, own, measured.samples), removed=removed)


_LATER = "Over the whole training the gap is larger than rounding explains: something else may differ later on."


def _unexplained(cause: Cause, summary: str) -> Cause:
    return replace(
        cause,
        slug="unknown",
        confirmed=False,
        summary=summary,
        remedy="compare what the layers give out one by one, with the same weights and one batch",
        unconfirmed_because="no suspect is left",
    )
