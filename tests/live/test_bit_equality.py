"""Recording never changes a training: the same bits with and without the recorder, on each backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.store.reader import Run

SCRIPT = Path(__file__).parent / "scripts" / "three_models.py"


@pytest.fixture(scope="module", params=("jax", "tensorflow", "torch"))
def two_runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict, Run]:
    """What the script wrote plainly, what it wrote under the recorder, and the run."""
    home = tmp_path_factory.mktemp(request.param)
    environment = {**os.environ, "KERAS_BACKEND": request.param, "TF_CPP_MIN_LOG_LEVEL": "3"}
    plain, recorded = home / "plain.json", home / "recorded.json"
    subprocess.run([sys.executable, SCRIPT, plain], check=True, env=environment)
    command = [sys.executable, "-m", "samefit", "run", "-o", home / "run", SCRIPT, recorded]
    subprocess.run(command, check=True, env=environment)
    return json.loads(plain.read_text()), json.loads(recorded.read_text()), Run.open(home / "run")


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm"])
@pytest.mark.parametrize("what", ["weights", "optimizer", "history", "train_on_batch"])
def test_same_bits(two_runs: tuple[dict, dict, Run], model: str, what: str) -> None:
    plain, recorded, _ = two_runs
    assert recorded[model][what] == plain[model][what]


def test_generators_stand_where_they_would(two_runs: tuple[dict, dict, Run]) -> None:
    plain, recorded, _ = two_runs
    assert recorded["next draws"] == plain["next draws"]


def test_everything_was_recorded(two_runs: tuple[dict, dict, Run]) -> None:
    run = two_runs[2]
    assert run.status == "complete"
    assert run.warnings == ()
    assert [(t.kind, len(run.steps([t.number]))) for t in run.trainings] == [("fit", 6), ("train_on_batch", 2)] * 3
    assert all(step.batch is not None and "loss" in step.logs for step in run.steps())
    for training in run.trainings:
        state = run.begin_state(training.number)
        assert state is not None
        digests = [state.digests[k : k + 16] for k in range(0, len(state.digests), 16)]
        assert bytes(16) not in digests, "a variable could not be read before the first step"
