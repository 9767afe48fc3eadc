from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.handmade import Change, make_run

import samefit
from samefit.errors import NotTheSameTraining, SelectionError
from samefit.types import Verdict

SCRIPT = """
import keras, numpy as np

keras.utils.set_random_seed(1)
model = keras.Sequential([keras.layers.Dense({units})])
model.compile("sgd", "mse")
model.fit(np.ones((8, 3)), np.ones((8, 1)), batch_size=4, verbose=0)
"""


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    make_run(tmp_path / "a.run").close()
    make_run(tmp_path / "b.run", changes=(Change("loss", 2),)).close()
    return tmp_path / "a.run", tmp_path / "b.run"


def test_two_runs(runs: tuple[Path, Path]) -> None:
    same, other = runs
    assert samefit.assert_same_training(same, same).verdict is Verdict.IDENTICAL
    assert samefit.assert_same_training(f"{same}#1", samefit.Run.open(same)).verdict is Verdict.IDENTICAL
    with pytest.raises(NotTheSameTraining, match="diverged"):
        samefit.assert_same_training(same, other)


def test_an_option_that_does_nothing_is_refused(runs: tuple[Path, Path]) -> None:
    with pytest.raises(SelectionError, match="pin: only where both sides are targets"):
        samefit.assert_same_training(*runs, pin=1)
    with pytest.raises(SelectionError, match="to_end: only where"):
        samefit.assert_same_training(runs[0], "train.py", to_end=True)


def test_a_target_is_no_baseline_for_a_run(runs: tuple[Path, Path]) -> None:
    with pytest.raises(SelectionError, match="give the recorded run first"):
        samefit.assert_same_training("train.py", runs[0])


def test_a_run_and_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("SAMEFIT_TEST_BACKENDS", "jax").split(",")[0])
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(SCRIPT.format(units=1))
    samefit.check("train.py", directory=tmp_path / "release", inside=False)
    assert samefit.assert_same_training(tmp_path / "release" / "a", "train.py").verdict is Verdict.IDENTICAL
    Path("train.py").write_text(SCRIPT.format(units=2))
    with pytest.raises(NotTheSameTraining):
        samefit.assert_same_training("release/a", "train.py")
