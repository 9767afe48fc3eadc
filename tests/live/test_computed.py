"""Batches that a model computes on each of two backends: apart by rounding, or others."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit.checks import check
from samefit.types import Stage, Verdict

SCRIPT = Path(__file__).parent / "scripts" / "computed.py"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("name", "other"), [("adversarial", "tensorflow"), ("codes", "torch")])
def test_values_that_differ_by_rounding_are_no_other_data(
    tmp_path: Path, backends: tuple[str, ...], name: str, other: str
) -> None:
    if not {"jax", other} <= {*backends}:
        pytest.skip("not under test")
    comparison = check(f"{SCRIPT}:{name}", backends=("jax", other), directory=tmp_path)
    assert comparison.first_divergence is not None
    assert comparison.first_divergence.stage is Stage.DATA
    assert comparison.parity is not None
    assert comparison.parity.batches is not None
    assert (comparison.parity.batches.verdict, comparison.parity.order) == ("rounding", True)
    assert all(not step.failed for step in comparison.parity.steps)
    assert comparison.parity.steps[0].is_handed
    assert (comparison.verdict, comparison.causes[-1].slug) == (Verdict.WITHIN_TOLERANCE, "rounding")


@pytest.mark.parametrize("name", ["scaled", "reordered"])
def test_other_values_are_other_data(tmp_path: Path, backends: tuple[str, ...], name: str) -> None:
    if not {"jax", "tensorflow"} <= {*backends}:
        pytest.skip("not under test")
    comparison = check(f"{SCRIPT}:{name}", backends=("jax", "tensorflow"), directory=tmp_path)
    assert comparison.verdict is Verdict.DIVERGED
    assert comparison.causes[0].slug.startswith("data-")
    assert any("more than rounding" in line.text for line in comparison.causes[0].evidence)
