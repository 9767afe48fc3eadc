"""A recorded run comes out again, bit for bit; where it does not, what of its manifest no longer holds is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from samefit import checks
from samefit.cli import main
from samefit.errors import SelectionError
from samefit.types import Verdict

SCRIPT = """
import sys, keras, numpy as np

keras.utils.set_random_seed(int(sys.argv[1]))
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], epochs=2, verbose=0)
"""


def test_the_same_bits_then_edited_code(
    tmp_path: Path, any_backend: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_BACKEND", any_backend)
    Path("train.py").write_text(SCRIPT)
    assert main(["run", "-o", "baseline.run", "train.py", "3"]) == 0
    # Verified from elsewhere, in another environment: the manifest says where and how.
    Path("elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.delenv("KERAS_BACKEND")
    monkeypatch.setenv("KERAS_NNX_ENABLED", "0")
    assert main(["verify", str(tmp_path / "baseline.run")]) == 0
    assert "bit for bit" in capfd.readouterr().out
    (tmp_path / "train.py").write_text(SCRIPT.replace('"sgd"', '"adam"'))
    found = checks.verify(tmp_path / "baseline.run", directory=tmp_path / "again", confirm=False)
    assert found.verdict is Verdict.DIVERGED
    assert any("code of train.py" in note for note in found.notes)
    assert found.baseline.backend == found.candidate.backend == any_backend


def test_what_cannot_be_repeated_is_refused(tmp_path: Path) -> None:
    from tests.handmade import make_run

    make_run(tmp_path / "killed", status="killed").close()
    with pytest.raises(SelectionError, match="killed"):
        checks.verify(tmp_path / "killed", directory=tmp_path / "x")
    make_run(tmp_path / "moved", manifest={"cwd": str(tmp_path / "gone")}).close()
    with pytest.raises(SelectionError, match="not there any more"):
        checks.verify(tmp_path / "moved", directory=tmp_path / "y")
    make_run(tmp_path / "rerun", manifest={"transplants": ["weights"]}).close()
    with pytest.raises(SelectionError, match="one thing changed"):
        checks.verify(tmp_path / "rerun", directory=tmp_path / "z")
