"""Who acts: the user's line, and the part of Keras or of a library in between, read from the stack.

Only the standard library is used: the first draws are seen before anything else is imported.
"""

from __future__ import annotations

import copy
import linecache
import os
import pickle
import random
import sys
import sysconfig
from dataclasses import dataclass
from types import CodeType, FrameType

from samefit.types import Location

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep
_HOOKS = os.path.join(_OWN, "patches") + os.sep
_STANDARD = tuple({os.path.abspath(sysconfig.get_paths()[name]) + os.sep for name in ("stdlib", "platstdlib")})
_SITE = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
_MAKING = (random.__file__, copy.__file__, pickle.__file__)
"""Files of the standard library that make an object of `random.Random` for whoever calls them."""
_FRAMEWORKS = ("keras", "tensorflow", "jax", "torch", "numpy")
_kinds: dict[str, str] = {}
"""By file: two code objects of different files are equal if they do the same."""


@dataclass(frozen=True)
class Caller:
    """The stack of one call, reduced to what a person wants to know.

    Attributes:
        location: The innermost line of the user's code, or None (a library's own thread).
        names: Qualified names of the library functions between that line and the call, innermost first.
        owners: Class names of the objects whose constructors are running, innermost first, such as
            ("GlorotUniform", "Dense").
    """

    location: Location | None
    names: tuple[str, ...]
    owners: tuple[str, ...] = ()

    @property
    def nearest_function(self) -> str:
        """The innermost library function, or ""."""
        return self.names[0] if self.names else ""


def is_user_file(file: str) -> bool:
    """Whether a file of code is the user's own, and not one of a library, of the interpreter or of samefit."""
    if file.startswith("<"):
        # Code compiled from a string ("<string>", "<__array_function__ internals>", "<frozen importlib>") has no line.
        # What cloudpickle takes from a script to another process has its lines, and its file no more.
        return file.startswith("<ipython-input") or file == "<dynamic-code>"
    if "__autograph_generated_file" in file:
        # TensorFlow's rewriting of a function of the user: its lines are in no file that the user knows.
        return False
    # A virtual environment may lie in the project: only its site-packages are a library.
    return not file.startswith((_OWN, *_STANDARD)) and not any(part in file for part in _SITE)


def kind_of(code: CodeType) -> str:
    """Returns whose code this is: "user", "library" or "own"."""
    file = code.co_filename
    kind = _kinds.get(file)
    if kind is None:
        kind = "own" if file.startswith(_OWN) else "user" if _is_users(file) else "library"
        _kinds[file] = kind
    return kind


def is_third_party(code: CodeType) -> bool:
    """Whether this is code of an installed library that is neither Keras nor one of the frameworks."""
    file = code.co_filename
    return kind_of(code) == "library" and any(part in file for part in _SITE) and not file.startswith(_of_frameworks())


def is_made_for_user(frame: FrameType) -> bool:
    """Whether an object of `random.Random` is made by the user or by a library that is installed.

    The standard library has some of its own: `tempfile` names files by one.

    Args:
        frame: Where it is given its seed.
    """
    while frame.f_code.co_filename in _MAKING and frame.f_back is not None:
        frame = frame.f_back
    return kind_of(frame.f_code) == "user" or is_third_party(frame.f_code)


def is_importing(frame: FrameType | None) -> bool:
    """Whether a library acts while it is imported, which is no doing of the user's line that imports it."""
    while frame is not None and kind_of(frame.f_code) != "user":
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def behind_hooks(frame: FrameType) -> FrameType:
    """Returns the innermost frame from `frame` outwards that is none of samefit's hooks, which hand calls on.

    Hooks are the closures of `samefit.patches`; what its other functions do is samefit's own.
    """
    while _is_hook(frame.f_code) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_hook(code: CodeType) -> bool:
    return "<locals>" in code.co_qualname and code.co_filename.startswith(_HOOKS)


def _is_users(file: str) -> bool:
    """Whether the lines of a file are the user's to change: those of a framework never are, also in a clone of it."""
    if not is_user_file(file):
        return False
    return not file.startswith(_of_frameworks())


def _of_frameworks() -> tuple[str, ...]:
    """Returns the folders of the frameworks that are imported."""
    packages = (sys.modules.get(name) for name in _FRAMEWORKS)
    folders = (folder for package in packages for folder in getattr(package, "__path__", ()))
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)


def caller(frame: FrameType | None = None) -> Caller:
    """Describes the stack from `frame` (default: the caller of this function) outwards, up to the user's code."""
    frame = frame or sys._getframe(1)
    names: list[str] = []
    owners: list[str] = []
    while frame is not None:
        code = frame.f_code
        kind = kind_of(code)
        if kind == "user":
            return Caller(location(code.co_filename, frame.f_lineno), tuple(names), tuple(owners))
        if kind == "library":
            names.append(code.co_qualname)
            if code.co_name == "__init__" and "self" in frame.f_locals:
                owner = type(frame.f_locals["self"]).__name__
                if not owners or owners[-1] != owner:
                    owners.append(owner)
        frame = frame.f_back
    return Caller(None, tuple(names), tuple(owners))


def acting_callback(frame: FrameType | None) -> str:
    """Returns the callback that acts in the innermost `fit` around a frame, such as "Probe.on_epoch_end"; "" for none.

    Keras's list of callbacks calls one after the other (keras/src/callbacks/callback_list.py, 3.12 to 3.15).
    """
    while frame is not None:
        code = frame.f_code
        if kind_of(code) == "library":
            if code.co_qualname.startswith("CallbackList.on_"):
                return f"{type(frame.f_locals.get('callback')).__name__}.{code.co_name}"
            if code.co_qualname.endswith("Trainer.fit"):
                break
        frame = frame.f_back
    return ""


def location(file: str, line: int) -> Location:
    """Returns the `Location` of a line, with its text where it can be read."""
    text = linecache.getline(file, line).strip()
    return Location(file=file, line=line, code=text or None)
