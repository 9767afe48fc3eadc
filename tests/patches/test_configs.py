"""What is read of configurations that Keras would write otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

WRAPPED = """
import keras, torch
from samefit.record.models import named_nowhere
wrapped = [keras.layers.TorchModuleWrapper(torch.nn.Dropout(rate)) for rate in (0.2, 0.2, 0.4)]
told = [named_nowhere(layer)["module"] for layer in wrapped]
assert told[0].startswith("Dropout(p=0.2, inplace=False) (your own, "), told
assert told[0] == told[1] != told[2], told
assert len(wrapped[0].get_config()["module"]) > 1000, "what the user gets is what Keras gives"
"""


@pytest.mark.skipif(find_spec("torch") is None, reason="TorchModuleWrapper is of the PyTorch backend")
def test_a_wrapped_module_of_pytorch_is_told_without_its_weights() -> None:
    """Keras pickles it: every step, and every object, would be another option, and a screen of base64."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WRAPPED],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
