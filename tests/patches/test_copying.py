"""Functions of a framework that write into tensors, called in every way in which they may be."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

WRITTEN = """
import torch
from samefit.patches.copying import watch_copying
from samefit.patches.patching import Patches

told, patches = [], Patches()
watch_copying(patches, "torch", lambda target, value, frame: told.append((target, value)))
a, b, x, y = (torch.full((2,), float(n)) for n in range(4))
a.copy_(x)
a.copy_(other=x)
torch._foreach_copy_([a, b], [x, y])
torch._foreach_copy_(self=[a, b], src=[x, y])
torch._foreach_copy_([a, b], src=(x, y), non_blocking=True)
patches.undo()
a.copy_(y)
expected = [(a, x)] * 2 + [(a, x), (b, y)] * 3
assert [(id(target), id(value)) for target, value in told] == [(id(one), id(other)) for one, other in expected], told
"""


@pytest.mark.skipif(find_spec("torch") is None, reason="these functions are PyTorch's")
def test_what_is_written_is_told_however_it_is_called() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WRITTEN], env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
