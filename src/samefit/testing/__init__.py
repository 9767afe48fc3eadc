"""Assertions for test suites: this training did not change."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from samefit.comparison.result import Comparison
from samefit.errors import NotTheSameTraining
from samefit.store.reader import Run


def assert_same_training(a: str | Path | Run, b: str | Path | Run, **options: Any) -> Comparison:
    """Asserts that two trainings are the same.

    Args:
        a: The baseline: a recorded run (a `Run` or its directory), or a TARGET such as "train.py:small".
        b: The candidate, likewise.
        **options: As for `samefit.check`, if targets are given.

    Returns:
        The comparison, if the trainings are the same.

    Raises:
        NotTheSameTraining: If they are not; the message is the report.

    Example:
        >>> samefit.assert_same_training("train.py:sequential", "train.py:functional")
    """
    from samefit.checks import check
    from samefit.comparison import compare

    recorded = [isinstance(side, (Run, Path)) or Path(str(side).partition("#")[0]).is_dir() for side in (a, b)]
    comparison = compare(a, b) if all(recorded) else check(str(a), str(b), **options)
    if not comparison.same:
        raise NotTheSameTraining(_report(comparison))
    return comparison


def _report(comparison: Comparison) -> str:
    from rich.console import Console

    from samefit.report.text import render

    text = io.StringIO()
    render(comparison, verbose=False, console=Console(file=text, width=120))
    return "\n" + text.getvalue()
