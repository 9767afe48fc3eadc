"""Steps of two backends from equal state: rounding is called rounding, and another function is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit.checks import check
from samefit.types import Verdict

SCRIPT = Path(__file__).parent / "scripts" / "parity.py"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("other", ["tensorflow", "torch"])
def test_rounding(tmp_path: Path, backends: tuple[str, ...], other: str) -> None:
    if not {"jax", other} <= {*backends}:
        pytest.skip("not under test")
    comparison = check(f"{SCRIPT}:rounding", backends=("jax", other), directory=tmp_path)
    assert comparison.parity is not None
    assert (comparison.parity.start, comparison.parity.order, comparison.parity.masks) == (True, True, True)
    assert comparison.parity.is_rounding is True
    assert comparison.parity.is_proven
    assert all(place.verdict != "logic" for step in comparison.parity.steps for place in step.places)
    phases = {place.phase for step in comparison.parity.steps for place in step.places}
    assert phases == {"forward", "loss", "backward", "update", "state"}
    assert comparison.parity.envelope[-1].step == comparison.steps_compared
    assert comparison.parity.envelope[-1].floor_weights
    assert comparison.verdict is Verdict.WITHIN_TOLERANCE


@pytest.mark.parametrize(
    ("name", "other", "slug", "phase", "path"),
    [
        ("pooling", "torch", "backend-difference", "forward", "average_pooling2d"),
        ("saturated", "tensorflow", "loss-config", "loss", "loss"),
        ("optimizer", "tensorflow", "backend-difference", "update", ""),
        ("rows", "tensorflow", "backend-difference", "update", "embedding"),
    ],
)
def test_another_function(
    tmp_path: Path, backends: tuple[str, ...], name: str, other: str, slug: str, phase: str, path: str
) -> None:
    if not {"jax", other} <= {*backends}:
        pytest.skip("not under test")
    comparison = check(f"{SCRIPT}:{name}", backends=("jax", other), directory=tmp_path)
    assert comparison.parity is not None
    assert comparison.parity.beyond is not None
    _, place = comparison.parity.beyond
    assert place.phase == phase
    assert path in place.path
    assert (comparison.verdict, comparison.causes[-1].slug) == (Verdict.DIVERGED, slug)


@pytest.mark.parametrize("other", ["tensorflow", "torch"])
def test_the_loop_of_a_recurrent_layer_is_no_other_function(
    tmp_path: Path, backends: tuple[str, ...], other: str
) -> None:
    if not {"jax", other} <= {*backends}:
        pytest.skip("not under test")
    comparison = check(f"{SCRIPT}:recurrent", backends=("jax", other), directory=tmp_path)
    assert comparison.parity is not None
    assert comparison.parity.masks is not False
    assert comparison.parity.is_rounding is True
    assert comparison.verdict is Verdict.WITHIN_TOLERANCE
