"""Keras is told to compute in float64, which JAX does only where it is told so as well."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process

SCRIPT = """
import sys, keras, numpy as np
keras.config.set_floatx(sys.argv[1])
keras.utils.set_random_seed(1)
x = np.random.default_rng(0).standard_normal((48, 4))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x, x.sum(1, keepdims=True), batch_size=16, verbose=0)
"""


@pytest.mark.parametrize("x64", ["0", "1"])
def test_floatx_changes_the_training_where_there_are_such_floats(
    each_backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, x64: str
) -> None:
    if each_backend != "jax" and x64 == "1":
        pytest.skip("a variable of JAX")
    monkeypatch.setenv("JAX_ENABLE_X64", x64)
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    found = checked_in_a_process(each_backend, tmp_path, f"{script} float32", f"{script} float64")
    if each_backend == "jax" and x64 == "0":
        assert (found["verdict"], "batches" in found["equal"]) == ("identical", True)
        assert any("JAX computes in float32 all the same" in note for note in found["notes"])
    else:
        assert [(cause["slug"], cause["confirmed"]) for cause in found["causes"]] == [("precision", True)]
