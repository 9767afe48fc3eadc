"""The precision of a re-run: float64 throughout, or one `floatx` or dtype policy whatever the script sets."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from samefit.patches.patching import Patches


def keep_float64(patches: Patches) -> None:
    """Makes Keras's type promotion keep float64.

    On JAX and PyTorch it takes float64 down to float32 inside of losses and normalisations, whatever `floatx` says
    (`BIT64_TO_BIT32_DTYPE`, keras/src/backend/common/dtypes.py; checked on Keras 3.15.1).
    """
    dtypes = importlib.import_module("keras.src.backend.common.dtypes")
    patches.replace(
        dtypes, "BIT64_TO_BIT32_DTYPE", lambda original: {**original, "float64": "float64"}, checked_on="Keras 3.15.1"
    )


def keep_floatx(patches: Patches, floatx: str, holds: Callable[[], bool]) -> None:
    """Sets Keras's `floatx`, and keeps it also where the script sets another one.

    Args:
        patches: Where the replacements are noted.
        floatx: The name of the dtype.
        holds: Whether it holds at the moment.
    """
    import keras

    def make(original: Callable[[str], None]) -> Callable[[str], None]:
        return lambda value: original(floatx if holds() else value)

    for name in ("keras.config", "keras.backend", "keras.src.backend", "keras.src.backend.config"):
        patches.replace(importlib.import_module(name), "set_floatx", make, checked_on="Keras 3.12 to 3.15")
    keras.config.set_floatx(floatx)


def keep_policy(patches: Patches, policy: str, holds: Callable[[], bool]) -> None:
    """Gives each layer and model that is made without a dtype this policy, also after the script has set another one.

    Args:
        patches: Where the replacement is noted.
        policy: The name of the policy.
        holds: Whether it holds at the moment.
    """
    import keras

    kept = keras.dtype_policies.get(policy)

    def make(original: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: kept if holds() else original()

    module = importlib.import_module("keras.src.dtype_policies.dtype_policy")
    patches.replace(module, "dtype_policy", make, checked_on="Keras 3.15.1")
