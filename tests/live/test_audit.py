"""`samefit audit`: every source of randomness of a script, by line, and which of them nobody seeded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samefit.cli import main

SCRIPT = """
import os, random
import keras, numpy as np
{seed}
rng = np.random.default_rng({own})
x = rng.normal(size=(64, 4)).astype("float32")
np.random.normal(size=3)
random.shuffle([1, 2, 3])
first = keras.layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(seed=4))
drop = keras.layers.Dropout(.3)
other = keras.layers.Dropout(.3, seed=7)
model = keras.Sequential([keras.Input((4,)), first, drop, other, keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, x[:, :1], epochs=10_000_000, batch_size=8, verbose=0)
"""


def audited(tmp_path: Path, backend: str, seed: str, own: str, *options: str) -> tuple[int, dict[tuple[str, int], str]]:
    script, result = tmp_path / "train.py", tmp_path / "audit.json"
    script.write_text(SCRIPT.format(seed=seed, own=own))
    status = main(["audit", str(script), "--env", f"KERAS_BACKEND={backend}", "--json", str(result), "-q", *options])
    found = json.loads(result.read_text())
    assert found["ended_early"]
    assert found["steps"] == 3
    return status, {(s["kind"], s["location"]["line"]): s["standing"] for s in found["sources"]}


def test_every_source_by_line(tmp_path: Path, any_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, found = audited(tmp_path, any_backend, "keras.utils.set_random_seed(1)", "")
    assert status == 2
    assert found == {
        ("operating system", 5): "unseeded",
        ("your code", 7): "by position",
        ("your code", 8): "by position",
        ("initial weights", 9): "fixed",
        ("layer", 10): "by position",
        ("layer", 11): "fixed",
        ("initial weights", 12): "by position",
        ("data order", 14): "by position",
    }


def test_a_seeded_script_passes_and_an_unseeded_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, found = audited(tmp_path, "jax", "keras.utils.set_random_seed(1)", "3")
    assert status == 0
    assert "unseeded" not in found.values()
    status, found = audited(tmp_path, "jax", "", "3")
    assert status == 2
    assert found["initial weights", 12] == found["data order", 14] == found["your code", 7] == "unseeded"
    assert found["initial weights", 9] == found["layer", 11] == "fixed"


def test_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    status, found = audited(tmp_path, "jax", "", "3", "--pin", "5")
    assert status == 0
    assert found["initial weights", 12] == found["layer", 10] == "pinned"
    # A generator without a seed takes one from Python's generator, which the pin has seeded.
    status, found = audited(tmp_path, "jax", "", "", "--pin", "5")
    assert (status, found["your code", 5]) == (0, "by position")
    # Entropy of the user's own is out of a pin's reach.
    status, found = audited(tmp_path, "jax", "", "list(os.urandom(4))", "--pin", "5")
    assert status == 2
    assert [place for place, standing in found.items() if standing == "unseeded"] == [("operating system", 5)]


def test_what_a_pin_does_not_reach_is_not_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    layer = """
class Noise(keras.layers.Layer):
    def call(self, x):
        return x + np.random.normal()
"""
    raw = SCRIPT.replace("rng =", layer + "rng =").replace(
        "[keras.Input((4,)), first", "[keras.Input((4,)), Noise(), first"
    )
    (tmp_path / "raw.py").write_text(raw.format(seed="", own="3"))
    status = main(["audit", "raw.py", "--env", "KERAS_BACKEND=jax", "--json", "raw.json", "-q", "--pin", "5"])
    found = json.loads(Path("raw.json").read_text())
    assert (status, found["unseeded"], found["unpinned"]) == (2, 0, 1)
    assert [limit["kind"] for limit in found["limits"]] == ["raw-draw"]
