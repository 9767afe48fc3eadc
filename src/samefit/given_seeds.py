"""Which function of a library the user's line has called, and whether that line gave it a seed.

Only the standard library is used: the ledger asks before anything else is imported.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from types import FrameType
from typing import Any

from samefit.attribution import kind_of


def called_by_user(frame: FrameType) -> FrameType | None:
    """Returns the frame of the library's function that the user's line has called; None if `frame` is the user's own.

    What wraps such a function to check its arguments is passed over.
    """
    outermost: FrameType | None = None
    current: FrameType | None = frame
    while current is not None and kind_of(current.f_code) != "user":
        if kind_of(current.f_code) == "library" and "<locals>" not in current.f_code.co_qualname:
            outermost = current
        current = current.f_back
    return outermost


def name_of(frame: FrameType | None) -> str:
    """Returns the name of a function of a library, such as "train_test_split" or "KFold.split"; "" for None."""
    if frame is None:
        return ""
    owner = f"{type(frame.f_locals['self']).__name__}." if "self" in frame.f_locals else ""
    return owner + frame.f_code.co_name


def has_seed(frame: FrameType, seed: int) -> bool:
    """Whether a function was given a seed: as an argument, or by the object whose method it is.

    What a library draws for the parts of a part, it gives those itself.
    """
    # Arrays compare by their elements, and objects of the user's as they like: nothing but a number is asked.
    return any(issubclass(type(each), Integral) and each == seed for each in _held(frame) if type(each) is not bool)


def _held(frame: FrameType) -> Iterator[Any]:
    names = frame.f_locals
    yield from names.values()
    try:
        attributes = object.__getattribute__(names.get("self"), "__dict__")
    except AttributeError:
        return
    yield from attributes.values() if type(attributes) is dict else ()
