from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from samefit.errors import RunError
from samefit.store.arrays import load_arrays


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ml_dtypes.bfloat16, "int64", "uint32", "bool"])
def test_arrays_of_every_type_of_keras_come_back(tmp_path: Path, dtype: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 1]], dtype)
    save_file({"dense/kernel": array, "scalar": np.asarray(array[0, 1])}, tmp_path / "some.safetensors")
    found = load_arrays(tmp_path / "some.safetensors")
    assert found["dense/kernel"].dtype == array.dtype
    assert found["dense/kernel"].tobytes() == array.tobytes()
    assert found["scalar"].shape == ()


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "some.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0no header at all")
    with pytest.raises(RunError, match=r"some\.safetensors is damaged"):
        load_arrays(tmp_path / "some.safetensors")
