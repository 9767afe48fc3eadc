"""Everything that imports a framework: one file each, the same methods in the same order.

An adapter is loaded only after the user's script has chosen its backend; nothing is imported on the way to this module.
"""

from __future__ import annotations

import importlib
import sys

from samefit.backends.base import Backend
from samefit.errors import BackendError

NAMES = ("jax", "tensorflow", "torch")


def load(name: str) -> Backend:
    """Returns the adapter of the backend called `name`, importing its framework.

    Raises:
        BackendError: If samefit has no adapter of that name, or the framework cannot be imported.
    """
    if name not in NAMES:
        raise BackendError(f"samefit records the Keras backends {', '.join(NAMES)}; this process uses '{name}'.")
    try:
        module = importlib.import_module(f"samefit.backends.{name}")
    except ImportError as error:
        raise BackendError(f"The backend '{name}' cannot be imported: {error}") from error
    adapter: Backend = module.ADAPTER
    return adapter


def loaded() -> list[Backend]:
    """Returns the adapters of all frameworks that this process has imported already, whatever Keras uses."""
    return [load(name) for name in NAMES if name in sys.modules]
