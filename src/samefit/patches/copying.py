"""What a framework writes into the tensors of Keras's variables by itself.

Checked on torch 2.13 and TensorFlow 2.21, and on Keras 3.15.1, which writes by them in `Variable.assign`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

from samefit import backends
from samefit.patches.patching import Patches

_CHECKED = "torch 2.13, TensorFlow 2.21"

_SOURCES = ("other", "src", "value")
"""What `copy_`, `_foreach_copy_` and TensorFlow's `assign` call what they write."""


def watch_copying(patches: Patches, backend: str, written: Callable[[Any, Any, FrameType], None]) -> None:
    """Has `written(target, value, frame)` called for each tensor that is written to, with the frame that does it."""
    adapter = backends.load(backend)
    for owner, name, _ in adapter.copying_functions():
        make = functools.partial(_copy, written, adapter.is_compiling)
        patches.replace(owner, name, make, checked_on=_CHECKED)


def watch_moving(patches: Patches, backend: str, moving: Callable[[], AbstractContextManager[None]]) -> None:
    """Has tensors that are moved to other memory, with the numbers in them, be moved within `moving()`."""
    adapter = backends.load(backend)
    for owner, name, _ in adapter.moving_functions():
        make = functools.partial(_move, moving, adapter.is_compiling)
        patches.replace(owner, name, make, checked_on=_CHECKED)


def _move(
    moving: Callable[[], AbstractContextManager[None]], is_compiling: Callable[[], bool], original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def move(*args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            return original(*args, **kwargs)
        with moving():
            return original(*args, **kwargs)

    return move


def _copy(
    written: Callable[[Any, Any, FrameType], None], is_compiling: Callable[[], bool], original: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(original)
    def copy(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if not is_compiling():
            # It was called as it may be: what is missing here is a keyword.
            target = args[0] if args else kwargs["self"]
            value = args[1] if len(args) > 1 else next((kwargs[name] for name in _SOURCES if name in kwargs), None)
            several = isinstance(target, (list, tuple))
            targets = target if several else [target]
            values: Any = value if several else [value]
            for one, value in zip(targets, values, strict=True):
                written(one, value, sys._getframe(1))
        return result

    return copy
