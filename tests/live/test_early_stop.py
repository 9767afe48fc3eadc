"""A verdict about the first steps does not wait for the trainings to end, and says so."""

from __future__ import annotations

from pathlib import Path

import samefit
from samefit.types import Verdict

SCRIPT = """
import sys, keras, numpy as np

keras.utils.set_random_seed(int(sys.argv[1]))
x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
try:
    model.fit(x, x[:, :1], epochs=1_000_000, batch_size=8, verbose=0)
except Exception:
    pass
open(f"ended-{sys.argv[1]}", "w").close()
"""


def test_two_endless_trainings_that_part_at_once(tmp_path: Path, any_backend: str) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    backend = {"KERAS_BACKEND": any_backend}
    found = samefit.check(
        f"{script} 1", f"{script} 2", env_a=backend, env_b=backend, directory=tmp_path / "runs", confirm=True
    )
    assert found.verdict is Verdict.DIVERGED
    assert found.first_divergence is not None
    assert found.first_divergence.step == 1
    assert any("--to-end" in note for note in found.notes)
    assert found.steps_compared >= 2
    assert found.causes[0].confirmed
    assert found.causes[0].slug == "different-seed"
    assert not list(tmp_path.glob("ended-*"))
