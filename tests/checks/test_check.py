"""What `check` makes of a pair that was ended early."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from samefit.comparison.result import Comparison
from samefit.types import Verdict

checking = importlib.import_module("samefit.checks.check")
"""The module: the package has a function of that name."""


@pytest.mark.parametrize(
    ("verdicts", "to_ends"),
    [
        ([Verdict.WITHIN_TOLERANCE, Verdict.DIVERGED], [False, True]),
        ([Verdict.WITHIN_TOLERANCE, Verdict.WITHIN_TOLERANCE], [False, True]),
        ([Verdict.DIVERGED], [False]),
    ],
)
def test_rounding_is_judged_on_whole_trainings(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_comparison: Callable[..., Comparison],
    verdicts: list[Verdict],
    to_ends: list[bool],
) -> None:
    answers, asked = iter(verdicts), []

    def run_pair(*arguments: Any) -> tuple[None, bool]:
        asked.append(arguments[-1])
        return None, not arguments[-1]

    def concluded(*_: Any, ended: bool, **__: Any) -> Comparison:
        return make_comparison(verdict=next(answers), notes=("ended",) if ended else ())

    monkeypatch.setattr(checking, "_run_pair", run_pair)
    monkeypatch.setattr(checking, "concluded", concluded)
    answer = checking.check("train.py", directory=tmp_path)
    assert (answer.verdict, asked) == (verdicts[-1], to_ends)
    assert bool(answer.notes) == (to_ends == [False])
