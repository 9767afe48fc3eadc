"""Reading a file of arrays. NumPy is imported only for that: this module is, before a script's first line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from samefit.errors import RunError

if TYPE_CHECKING:
    import numpy as np


def load_arrays(file: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Returns the arrays of a safetensors file by name.

    Raises:
        RunError: If the file cannot be read.
    """
    import ml_dtypes  # noqa: F401 - makes bfloat16 known to NumPy, which safetensors asks for it by name
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(file))
    except (SafetensorError, TypeError, ValueError, OSError) as error:
        raise RunError(f"{file} is damaged: {error}.") from error
