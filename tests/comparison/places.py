"""What the tests of the comparison ask again and again: where do a plain and a changed run part?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.handmade import Change, make_run

from samefit.comparison import compare
from samefit.comparison.result import Comparison


def compared(tmp_path: Path, *changes: Change, **candidate: Any) -> Comparison:
    """Compares a plain run with one that is changed."""
    return compare(make_run(tmp_path / "a"), make_run(tmp_path / "b", changes=changes, **candidate))


def place(comparison: Comparison) -> tuple[Any, ...]:
    """Returns stage, step and path of the first divergence."""
    first = comparison.first_divergence
    return () if first is None else (first.stage, first.step, first.path)


def detail(comparison: Comparison) -> str:
    """Returns the detail of the first divergence."""
    assert comparison.first_divergence is not None
    return comparison.first_divergence.detail
