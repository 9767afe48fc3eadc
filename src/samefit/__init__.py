"""samefit: two Keras trainings should be the same; are they, where do they part, and why?

The public names, all of them, are those of `__all__`. Each is imported when it is first used, so that `import samefit`
costs nothing, imports no framework and touches no generator.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from samefit.version import __version__ as __version__

if TYPE_CHECKING:
    from samefit.checks.check import check as check
    from samefit.checks.check import compare as compare
    from samefit.comparison.result import Comparison as Comparison
    from samefit.pin import pinned as pinned
    from samefit.pin.checkpoint import Checkpoint as Checkpoint
    from samefit.record.callback import Recorder as Recorder
    from samefit.store.reader import Run as Run
    from samefit.testing import assert_same_model as assert_same_model
    from samefit.testing import assert_same_training as assert_same_training

_HOMES = {
    "Checkpoint": "samefit.pin.checkpoint",
    "Comparison": "samefit.comparison.result",
    "Recorder": "samefit.record.callback",
    "Run": "samefit.store.reader",
    "assert_same_model": "samefit.testing",
    "assert_same_training": "samefit.testing",
    "check": "samefit.checks",
    "compare": "samefit.checks",
    "pinned": "samefit.pin",
}

__all__ = [
    "Checkpoint",
    "Comparison",
    "Recorder",
    "Run",
    "assert_same_model",
    "assert_same_training",
    "check",
    "compare",
    "pinned",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'samefit' has no attribute {name!r}; it has {', '.join(__all__)}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value  # the next use does not come here
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
