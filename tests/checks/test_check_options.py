"""What a check asks of the processes that it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.handmade import make_run

from samefit.checks import check
from samefit.checks.execution import Execution
from samefit.checks.workshop import Workshop
from samefit.store.reader import Run


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Execution]:
    """Collects, by the names of the runs, what a check starts; the runs are made by hand."""
    started: dict[str, Execution] = {}

    def run(self: Workshop, *executions: tuple[Execution, str], watch: Any = None) -> list[Run]:
        started.update({name: execution for execution, name in executions})
        return [make_run(tmp_path / name) for _, name in executions]

    monkeypatch.setattr(Workshop, "run", run)
    (tmp_path / "train.py").touch()
    monkeypatch.chdir(tmp_path)
    return started


def test_weights_are_recorded_after_every_step_where_that_is_asked_for(asked: dict[str, Execution]) -> None:
    check("train.py", env_b={"SCALE": "2"}, every_step=True)
    wanted = {"every_step": True, "variables": ["SCALE"]}
    assert [asked[name].options for name in ("a", "b")] == [wanted, wanted]


def test_by_default_they_are_not(asked: dict[str, Execution]) -> None:
    check("train.py")
    assert [asked[name].options for name in ("a", "b")] == [{"variables": []}] * 2


def test_between_backends_every_batch_is_read(asked: dict[str, Execution]) -> None:
    check("train.py", backends=("jax", "torch"))
    assert [execution.options["every_batch"] for execution in asked.values()] == [True, True]
