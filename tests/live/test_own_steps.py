"""Training steps of the user's own, as Keras's guides write them: recorded whole, and their bits left alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.live.checked import CASES

from samefit.cli import main
from samefit.store.reader import Run

SCRIPT = CASES / "slugs" / "parts" / "own_steps.py"


def test_steps_of_ones_own(
    tmp_path: Path, each_backend: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", each_backend)
    assert main(["run", "--quiet", "--every-step", "-o", str(tmp_path / "run"), str(SCRIPT)]) == 0
    recorded = capfd.readouterr().out
    plain = subprocess.run([sys.executable, str(SCRIPT)], env=os.environ, check=True, capture_output=True, text=True)
    assert recorded == plain.stdout

    with Run.open(tmp_path / "run") as run:
        assert run.warnings == ()
        first = run.steps([1])
        assert [sorted(step.logs) for step in first] == [["loss", "mae"]] * 6
        assert run.training(1).history["mae"] == pytest.approx([step.logs["mae"] for step in first[2::3]])
        if each_backend != "jax":
            state = run.state_after(11)
            assert state is not None
            held = {v.holder: v.slot for v in run.layouts[state.layout] if v.slot == "velocity"}
            assert {"d_optimizer", "g_optimizer"} <= {*held}
            assert set(run.training(2).compiled["optimizers"]) == {"d_optimizer", "g_optimizer"}
            assert set(run.training(2).compiled["losses"]) == {"loss_fn"}
            assert [sorted(step.logs) for step in run.steps([2])] == [["d_loss", "g_loss"]] * 6
