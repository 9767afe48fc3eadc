"""Computing in float64 throughout: what a re-run needs that tells rounding from other mathematics."""

from __future__ import annotations

import importlib

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
