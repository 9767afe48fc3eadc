"""Reading a file of arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - makes bfloat16 known to NumPy, which safetensors asks for it by name
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from samefit.errors import RunError


def load_arrays(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Returns the arrays of a safetensors file by name.

    Raises:
        RunError: If the file cannot be read.
    """
    try:
        return dict(load_file(file))
    except (SafetensorError, TypeError, ValueError, OSError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error
