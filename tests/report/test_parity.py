"""What a report says about two backends, as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from tests.report.conftest import SAMPLES
from tests.report.test_as_json import SCHEMA

from samefit.comparison.parity import Batches, BatchGap, Flips, JudgedStep, Parity, Place, Sample
from samefit.comparison.result import Comparison
from samefit.report.as_json import to_json
from samefit.report.text import as_text

CONV = Place("forward", "conv2d", 1.2e-7, 1.19e-7, 2e-16)
KERNEL = Place("backward", "conv2d/kernel", 3e-7, 1e-7)
POOL = Place("forward", "average_pooling2d", 0.071, 3.8e-8, 0.071)
FIRST = JudgedStep(2, "first", (CONV, KERNEL), (), 30, True)
GROWS = JudgedStep(57, "growth", (CONV,), (Flips("conv2d", 2, 65_536, 0.0, 3e-8, 1e-8),), 30, True)
SAMPLE = Sample(1, 0.0, {"conv2d/kernel": 0.0}, 1e-7, 2e-7)
PARITY = Parity(
    True,
    True,
    True,
    (FIRST, GROWS),
    (SAMPLE, *(replace(SAMPLE, step=2**k, loss=1e-6, weights={"conv2d/kernel": 3e-6}) for k in range(1, 8))),
)


def comparison(parity: Parity) -> Comparison:
    return replace(SAMPLES["within_tolerance"], parity=parity)


LINES = {
    "equal": (PARITY, "parity      equal: start · order of the data · random masks\n"),
    "not equal": (replace(PARITY, order=False, masks=None), "equal: start\n              not equal: order of the data"),
    "computed": (
        replace(PARITY, batches=Batches(7, 3, (BatchGap(3, 0, 1.2e-7, 1.2e-7), BatchGap(4, 0, 2e-5, 1.2e-7, 0.0)))),
        "the data: 7 batches of other bits, from step 3 on, 2 of them looked at: computed on each side, they differ by",
    ),
    "other batches": (
        replace(PARITY, order=False, batches=Batches(1, 3, (BatchGap(3, 0, 1e-3, 1.2e-7, 1e-3, True),))),
        "1 batch of other bits, from step 3 on: at step 3 they differ by more than rounding, by 0.001",
    ),
    "no batches": (
        replace(PARITY, order=None, batches=Batches(2, 3, failed="a re-run failed: no")),
        "the data: 2 batches of other bits, from step 3 on; not looked at (a re-run failed: no)\n",
    ),
    "shapes": (
        replace(PARITY, order=False, batches=Batches(1, 3, (BatchGap(3, 1, math.inf, 0.0),))),
        "at step 3 they differ by more than rounding, by inf",
    ),
    "handed": (
        replace(PARITY, steps=(replace(FIRST, places=(), is_handed=True),)),
        "the same bits (with the baseline's batch)",
    ),
    "begins": (PARITY, "begins in step 2, at conv2d, by 1.2e-07"),
    "judged": (
        PARITY,
        "step 2   first that differs   rounding, most in the gradient of conv2d/kernel: 3e-07, one ulp 1e-07",
    ),
    "flips": (PARITY, "2 of 65,536 elements change sides in conv2d: within 3e-08 of 0 (relative 1e-08)"),
    "beyond": (
        replace(PARITY, steps=(replace(FIRST, places=(CONV, POOL, KERNEL)),)),
        "more than rounding, first at average_pooling2d: 0.071, one ulp 3.8e-08, in float64 0.071",
    ),
    "bits": (replace(PARITY, steps=(replace(FIRST, places=()),)), "first that differs  the same bits"),
    "failed step": (replace(PARITY, steps=(JudgedStep(2, "first", failed="no batch"),)), "not judged: no batch"),
    "failed": (Parity(failed="a re-run failed: no"), "parity      nothing could be judged: a re-run failed: no\n"),
    "removed": (replace(PARITY, removed=("data-order",)), "parity      with data-order removed:\n"),
    "grows": (PARITY, "step 128  loss 1e-06, one ulp 1e-07 · weights 3e-06 in conv2d/kernel, one ulp 2e-07\n"),
    "still": (PARITY, "step 1    loss 0, one ulp 1e-07 · weights 0, one ulp 2e-07\n"),
}


@pytest.mark.parametrize(("parity", "line"), LINES.values(), ids=LINES)
def test_what_is_said(parity: Parity, line: str) -> None:
    assert line in as_text(comparison(parity), width=140)


def test_of_many_samples_some_are_shown() -> None:
    few, many = (as_text(comparison(PARITY), verbose=verbose, width=140) for verbose in (False, True))
    assert "step 32 " not in few
    assert "step 32 " in many
    assert "conv2d/kernel  0        3e-06    3e-06" in many


@pytest.mark.parametrize("parity", [parity for parity, _ in LINES.values()], ids=LINES)
def test_the_json_is_valid(parity: Parity) -> None:
    document = to_json(comparison(parity))
    Draft202012Validator(SCHEMA).validate(document)
    assert document["parity"]["only_rounding"] is parity.is_rounding
