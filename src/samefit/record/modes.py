"""Which mode the user's line writes where it calls a layer."""

from __future__ import annotations

from types import FrameType

from samefit.attribution import kind_of, location
from samefit.calls import literal_argument
from samefit.types import WrittenMode


def written_mode(frame: FrameType | None) -> WrittenMode | None:
    """Returns the literal `training` of the innermost line of the user's outwards from a frame; None if it has none.

    That line calls a layer, or what the layer is a part of, which hands the mode on.
    """
    while frame is not None and kind_of(frame.f_code) != "user":
        frame = frame.f_back
    if frame is None:
        return None
    value = literal_argument(frame, "training")
    if not isinstance(value, bool):
        return None
    code = frame.f_code
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return WrittenMode(
        value, location(code.co_filename, frame.f_lineno), code.co_name == "call" or "training" in arguments
    )
