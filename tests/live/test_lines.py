"""The line of the user's that makes two sides differ is named on the side that has it, and values with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.live.checked import checked_in_a_process

SCRIPT = """
import keras, numpy as np
from numpy.random import RandomState as RS
keras.utils.set_random_seed(1)
rng = RS(7)
x = rng.standard_normal((32, 4)).astype("float32")
words = keras.layers.StringLookup()
words.adapt(["a", "b", "b"])
y = np.asarray(words(np.asarray(["a", "b"] * 16))).astype("float32")[:, None]
first, noisy = keras.layers.Dense(4), keras.layers.Dropout(0.5, seed=3)
model = keras.Sequential([keras.Input((4,)), first, noisy, keras.layers.Dense(1)])
optimizer = keras.optimizers.Adam(1e-3)
# before compile
model.compile(optimizer, "mse")
schedule = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5 if epoch else rate)
# before fit
model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False, callbacks=[schedule])
"""

LINES = {
    "lora": ("# before compile", "first.enable_lora(2)", "model-config", ""),
    "quantize": ("# before compile", 'first.quantize("int8")', "model-config", ""),
    "adapt": (
        'words.adapt(["a", "b", "b"])',
        'words.adapt(["a", "a", "b"])',
        "data-content",
        "learned what it did not",
    ),
    "call": ("# before fit", "model(x[:2], training=True)", "generator-advanced", "outside of any training, and drew"),
    "alias": ("rng = RS(7)", "rng = RS()", "unseeded", "takes its start from the operating system"),
    "rate": ("# before fit", "optimizer.learning_rate = 1e-4", "optimizer-config", "learning_rate=0.001) and Adam("),
    "data": (
        "x = rng.standard_normal((32, 4))",
        "x = 2 * rng.standard_normal((32, 4))",
        "data-content",
        "only here: x",
    ),
    "schedule": ("rate * 0.5", "rate * 0.25", "optimizer-config", "learning_rate=0.0005 and 0.00025 in step 3"),
}


def found(backend: str, tmp_path: Path, here: str, there: str) -> dict[str, object]:
    scripts = [tmp_path / "a.py", tmp_path / "b.py"]
    scripts[0].write_text(SCRIPT)
    scripts[1].write_text(SCRIPT.replace(here, there))
    return checked_in_a_process(backend, tmp_path, *scripts, "--no-confirm")


@pytest.mark.slow
@pytest.mark.parametrize("case", LINES)
def test_the_line_is_named(each_backend: str, tmp_path: Path, case: str) -> None:
    here, there, slug, text = LINES[case]
    answer = found(each_backend, tmp_path, here, there)
    (cause,) = answer["causes"]  # type: ignore[misc]
    assert cause["slug"] == slug
    assert text in "\n".join(line["text"] for line in cause["evidence"])
    assert any(there in (line.get("code") or "") for line in cause["evidence"])


@pytest.mark.slow
def test_nothing_is_named_where_nothing_differs(each_backend: str, tmp_path: Path) -> None:
    answer = found(each_backend, tmp_path, "# before fit", "# the same, before fit")
    assert (answer["verdict"], answer["causes"]) == ("identical", [])
