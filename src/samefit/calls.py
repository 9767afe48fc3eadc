"""What a line of Python is calling right now, read from its source."""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import random
from numbers import Integral
from types import FrameType

_SEEDED = ("RandomState", "MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
"""NumPy's classes that take entropy even if they are given a seed or a key, and then drop it
(numpy/random/mtrand.pyx, numpy/random/_philox.pyx, NumPy 1.26 to 2.4)."""

_REBUILDERS = ("copy", "pickle", "numpy.random._pickle")
"""Modules that make an object and give it a state."""


def makes_seeded_generator(frame: FrameType) -> bool:
    """Whether a frame is at the call of one of NumPy's generators, with a seed or a key.

    Without the source (code from a string, a compiled extension) the answer is no.
    """
    call = _call(frame)
    if call is None or not _makes_one_of(_SEEDED, call.func, frame):
        return False
    arguments = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("seed", "key"))]
    return any(not _is_none(argument, frame) for argument in arguments)


def is_given_a_state(frame: FrameType) -> bool:
    """Whether a frame makes a generator only to give it the state of another one, by `copy` or by `pickle`.

    NumPy and Python make one without a seed then, whose entropy decides nothing.
    """
    made = None
    while frame.f_back is not None and (inside := _object_within(frame)) is not None:
        made, frame = inside, frame.f_back
    if made is not None and type(made).__reduce__ is not random.Random.__reduce__:
        return False  # what is handed on is the user's choice
    if frame.f_globals.get("__name__") in _REBUILDERS:
        return True
    # What is written in C makes no frame.
    call = _call(frame)
    return call is not None and _last_name(call.func) in ("load", "loads")


def _object_within(frame: FrameType) -> random.Random | None:
    """Returns the object of `random.Random` that is given its seed in a frame, by its class or by one of the user's."""
    if frame.f_code.co_name not in ("__init__", "seed"):
        return None
    made = frame.f_locals.get(frame.f_code.co_varnames[0]) if frame.f_code.co_argcount else None
    return made if isinstance(made, random.Random) else None


def seed_of_random_state(frame: FrameType) -> int | None:
    """Returns the seed with which a frame makes NumPy's `RandomState`; None if it does not, or that is not read."""
    call = _call(frame)
    if call is None or not _makes_one_of(("RandomState",), call.func, frame):
        return None
    arguments = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "seed")]
    value = _evaluated(arguments[0], frame) if arguments else None
    return int(value) if issubclass(type(value), Integral) and type(value) is not bool else None  # type: ignore[call-overload]


def called_otherwise(frame: FrameType) -> str:
    """Returns which of NumPy's functions a frame calls by another name, such as "numpy.random.RandomState"; else ""."""
    call = _call(frame)
    found = (name for name in _MAKERS if call is not None and _last_name(call.func) != name)
    return next((f"numpy.random.{name}" for name in found if call and _is(name, call.func, frame)), "")


_MAKERS = ("default_rng", "RandomState")
"""What takes entropy where it is given no seed."""


def _is(name: str, function: ast.expr, frame: FrameType) -> bool:
    return getattr(_evaluated(function, frame), "__name__", "") == name or _makes_one_of((name,), function, frame)


def literal_argument(frame: FrameType, name: str) -> object:
    """Returns the constant that the call, at which a frame is, has for an argument by name; None if there is none."""
    call = _call(frame)
    values = [keyword.value for keyword in call.keywords if keyword.arg == name] if call is not None else []
    return values[0].value if values and isinstance(values[0], ast.Constant) else None


def _call(frame: FrameType) -> ast.Call | None:
    positions = next(itertools.islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), None)
    if positions is None or None in positions:
        return None
    line, end_line, column, end_column = positions
    assert line is not None
    assert end_line is not None
    lines = [text.encode() for text in linecache.getlines(frame.f_code.co_filename)[line - 1 : end_line]]
    if len(lines) != end_line - line + 1:
        return None
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    try:
        expression = ast.parse(b"".join(lines).decode(), mode="eval").body
    except SyntaxError:
        # The file was edited since it was imported.
        return None
    return expression if isinstance(expression, ast.Call) else None


def _last_name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _makes_one_of(names: tuple[str, ...], function: ast.expr, frame: FrameType) -> bool:
    """Whether what is called has one of the names, or is a class by another name or one that inherits from it."""
    if _last_name(function) in names:
        return True
    made = _evaluated(function, frame)
    if _is_of_base(function) and frame.f_code.co_argcount:
        made = type(frame.f_locals.get(frame.f_code.co_varnames[0]))
    return isinstance(made, type) and any(each.__name__ in names for each in made.__mro__)


def _is_of_base(function: ast.expr) -> bool:
    """Whether this is `super().__init__`; another class is given the object first, and no seed."""
    owner = function.value if isinstance(function, ast.Attribute) else None
    return isinstance(owner, ast.Call) and (_last_name(function), _last_name(owner.func)) == ("__init__", "super")


def _is_none(argument: ast.expr, frame: FrameType) -> bool:
    return _evaluated(argument, frame) is None


_UNKNOWN = object()


def _evaluated(argument: ast.expr, frame: FrameType) -> object:
    """Returns the value of a constant, a name or an attribute of a name, `_UNKNOWN` of anything else."""
    if isinstance(argument, ast.Constant):
        return argument.value
    if isinstance(argument, ast.Name):
        return _value(argument, frame)
    if isinstance(argument, ast.Attribute) and isinstance(argument.value, ast.Name):
        # Nothing of the user's is run to find it.
        return inspect.getattr_static(_value(argument.value, frame), argument.attr, _UNKNOWN)
    return _UNKNOWN


def _value(name: ast.Name, frame: FrameType) -> object:
    return frame.f_locals.get(name.id, frame.f_globals.get(name.id, _UNKNOWN))
