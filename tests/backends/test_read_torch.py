"""PyTorch's tensors and generators are read as they are, whatever stands between them and their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.live.checked import printed

SCRIPT = """
import json

import ml_dtypes
import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from samefit.backends import load

backend = load("torch")
plain = np.arange(6, dtype="float32").reshape(2, 3) - 2
tensor = torch.from_numpy(plain.copy())
turned = torch.complex(tensor, tensor + 1).conj()
kinds = {
    "parameter": (torch.nn.Parameter(tensor), plain),
    "computed": (torch.nn.Parameter(tensor) * 1, plain),
    "conjugated": (turned, plain - 1j * (plain + 1)),
    "negated": (turned.imag, -(plain + 1)),
    "strided": (tensor.t()[:, ::2], plain.T[:, ::2]),
    "sparse": (tensor.to_sparse().requires_grad_(), plain),
    "bfloat16": (torch.nn.Parameter(tensor.bfloat16()).t(), plain.T.astype(ml_dtypes.bfloat16)),
    "scalar": (torch.tensor(3), np.array(3)),
    "number": (3.0, np.array(3.0)),
}
read = {name: backend.to_numpy(value) for name, (value, _) in kinds.items()}
same = {name: read[name].dtype == e.dtype and np.array_equal(read[name], e) for name, (_, e) in kinds.items()}


class Counting(TorchDispatchMode):
    seen = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        Counting.seen += 1
        return function(*args, **(kwargs or {}))


state = backend.generator_state()
with FakeTensorMode():
    traced = backend.generator_state()
with Counting():
    counted = backend.generator_state()
    seen = Counting.seen
torch.rand(1)
print(json.dumps({
    "same": same,
    "shares memory": bool(np.shares_memory(read["parameter"], tensor.numpy())),
    "size": len(state),
    "while traced": traced == state and counted == state,
    "operations seen by a mode": seen,
    "moved": backend.generator_state() != state,
}))
"""


def test_tensors_and_generators_are_read_as_they_are(backends: tuple[str, ...], tmp_path: Path) -> None:
    if "torch" not in backends:
        pytest.skip("PyTorch is not tested")
    found = json.loads(printed(tmp_path, "torch", SCRIPT))
    assert [kind for kind, is_same in found["same"].items() if not is_same] == []
    assert len(found["same"]) == 9
    assert found["shares memory"]
    assert found["size"] > 5000
    assert found["while traced"]
    assert found["operations seen by a mode"] == 0
    assert found["moved"]
