"""Batches that are computed on each side: what is said of those that differ."""

from __future__ import annotations

from samefit.comparison.parity import Batches, BatchGap
from samefit.comparison.result import Cause, Evidence
from samefit.explain.case import Case

COMPUTED = "values that are computed on each side, as by a model, and differ by rounding"
"""What is said of the place where two sides part."""


def rounded_batches(case: Case, batches: Batches) -> Cause:
    """Returns the cause where the two sides part in batches that differ by rounding alone."""
    one, other = case.comparison.baseline.backend, case.comparison.candidate.backend
    return Cause(
        slug="rounding",
        confirmed=False,
        summary=f"The batches are computed on each side, and {one} and {other} add up in another order.",
        evidence=(Evidence(f"the data: {batches_told(batches)}"),),
        location=case.b.training.location,
        remedy="compare with a tolerance, or save what is computed on one backend and train on that on both",
        unconfirmed_because="two backends cannot run one kernel",
    )


def batches_told(batches: Batches) -> str:
    """Returns in words what was found of the batches that differ."""
    where = f"{_number(batches.differ, 'batch', 'batches')} of other bits, from step {batches.first} on"
    if batches.failed:
        return f"{where}; not looked at ({batches.failed})"
    gap = batches.telling
    if gap is None:
        return f"{where}; their values could not be had again"
    looked = "" if len(batches.gaps) == batches.differ else f", {len(batches.gaps)} of them looked at"
    if batches.verdict == "rounding":
        return f"{where}{looked}: computed on each side, they differ by rounding, at most by {figures(gap)}"
    if gap.verdict not in ("logic", "undecided"):
        most = f"they differ by rounding, at most by {figures(gap)}"
        return f"{where}{looked}: {most}; {batches.missing} could not be had again"
    judged = "by more than rounding" if gap.verdict == "logic" else "by rounding or more: not decided"
    return f"{where}{looked}: at step {gap.step} they differ {judged}, by {figures(gap)}"


def figures(gap: BatchGap) -> str:
    """Returns how far a batch is apart."""
    ulps = f" ({gap.gap / gap.ulp:.2g} ulp of the largest value)" if gap.ulp else ""
    wide = "" if gap.gap_float64 is None else f", in float64 {gap.gap_float64:.2g}"
    moved = "" if gap.floor is None else f", where the first weights are one ulp off {gap.floor:.2g}"
    return f"{gap.gap:.2g}{ulps}{wide}{moved}"


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
