"""Sparse tensors are data as any: a batch of them has the digest of the same values written out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samefit.store.reader import Run

SCRIPT = """
import keras, numpy as np

x, y = np.eye(4, dtype="float32"), np.ones((4, 1), "float32")

def sparse():
    if keras.backend.backend() == "jax":
        from jax.experimental import sparse
        return sparse.BCOO.fromdense(x)
    import tensorflow as tf
    return tf.sparse.from_dense(x)

class Dense(keras.Model):
    def call(self, x):
        return keras.ops.sum(keras.ops.abs(keras.ops.convert_to_tensor(x, sparse=False)), axis=1, keepdims=True)

def batches(make):
    while True:
        yield make(), y

for make in (sparse, lambda: x):
    model = Dense()
    model.compile("sgd", "mse")
    model.fit(batches(make), steps_per_epoch=2, verbose=0)
"""


@pytest.mark.parametrize("backend", ["jax", pytest.param("tensorflow", marks=pytest.mark.slow)])
def test_sparse_batches(backend: str, tmp_path: Path) -> None:
    (tmp_path / "sparse.py").write_text(SCRIPT)
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "samefit", "run", "-o", "run", "sparse.py"]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    with Run.open(tmp_path / "run") as run:
        sparse, dense = ([step.batch for step in run.steps([number])] for number in (1, 2))
        assert len(sparse) == 2
        assert None not in sparse
        assert sparse == dense
        assert run.warnings == ()
