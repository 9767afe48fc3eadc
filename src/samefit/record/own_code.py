"""What of the user's own code shapes a training: functions that Keras knows by name alone, attributes, methods."""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from samefit.attribution import kind_of
from samefit.record.plain import is_plain, plain

_DEPTH = 3
"""So far functions that a function calls are looked into."""

_NO_OPTIONS = {
    *("activity_regularizer", "autocast", "built", "input_spec", "name", "stateful", "supports_masking"),
    *("compiled", "jit_compile", "loss", "run_eagerly", "steps_per_execution"),
    *("input_names", "output_names", "stop_evaluating", "stop_predicting", "stop_training"),
}
"""Public attributes that Keras's own `Layer`, `Model` and `Trainer` set (Keras 3.12 to 3.15)."""

_NO_MATHEMATICS = ("__init__", "get_config", "from_config", "compute_output_shape", "compute_output_spec")


def described(value: Any) -> Any:
    """Returns `value` as `plain` does; a function of the user's own with a digest of what it does."""
    if isinstance(value, functools.partial):
        inside = [described(value.func), *(repr(plain(v)) for v in value.args)]
        inside += [f"{name}={plain(v)!r}" for name, v in value.keywords.items()]
        return f"partial({', '.join(map(str, inside))})"
    if _is_own(value):
        function = inspect.unwrap(getattr(value, "__func__", value))
        return f"{function.__qualname__} (your own, {digest(function)})"
    return plain(value)


def with_own_functions(config: Mapping[str, Any], thing: Any) -> dict[str, Any]:
    """Returns a configuration in which the user's own functions stand with what they do.

    Keras writes a function as its name (keras/src/saving/serialization_lib.py, 3.15.1), so that an own `gelu` and
    Keras's are one.

    Args:
        config: What `get_config` gave, as plain data.
        thing: What it is the configuration of; its attributes are called as its options.
    """
    own = {name: vars(thing).get(name) for name in config}
    return {name: described(own[name]) if _is_own(own[name]) else value for name, value in config.items()}


def attributes_of(thing: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the plain attributes of a layer or model of the user's own class that are no options of it, and its code.

    Args:
        thing: The layer or the model.
        config: Its options.

    Returns:
        {name: value}; of a method {"code of NAME": {"code": digest, "name": where it stands}}.
    """
    own = [base for base in type(thing).__mro__ if _methods(base)]
    if not own:
        return {}
    found = {
        name: plain(value)
        for name, value in vars(thing).items()
        if not name.startswith("_") and name not in _NO_OPTIONS and name not in config and is_plain(value)
    }
    for base in reversed(own):
        for name, method in _methods(base).items():
            if name not in _NO_MATHEMATICS:
                code = method.__code__
                place = f"line {code.co_firstlineno} of {code.co_filename.rpartition('/')[2]}"
                found[f"code of {name}"] = {"code": digest(method), "name": place}
    return found


def _methods(cls: type) -> dict[str, FunctionType]:
    functions = {name: inspect.unwrap(v) for name, v in vars(cls).items() if isinstance(v, FunctionType)}
    return {name: f for name, f in functions.items() if isinstance(f, FunctionType) and kind_of(f.__code__) == "user"}


def _is_own(value: Any) -> bool:
    function = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
    return isinstance(function, FunctionType) and kind_of(function.__code__) == "user"


def digest(function: FunctionType) -> str:
    """Returns 8 digits over what a function does: its code, its defaults, and the plain values that it reads.

    Args:
        function: Written in Python; what it calls of the user's own is looked into as well.
    """
    text = repr(list(_parts(function, _DEPTH, set())))
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _parts(function: FunctionType, depth: int, known: set[int]) -> Iterator[Any]:
    if id(function) in known or depth < 0:
        return
    known.add(id(function))
    code = function.__code__
    yield _code(code)
    yield plain(function.__defaults__), plain(function.__kwdefaults__)
    read = {name: function.__globals__[name] for name in sorted(_names(code)) if name in function.__globals__}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            read[name] = cell.cell_contents
        except ValueError:  # not yet assigned: a function that calls itself while it is made
            continue
    for name, value in read.items():
        if is_plain(value):
            yield name, plain(value)
        elif isinstance(value, FunctionType) and kind_of(value.__code__) == "user":
            yield name, list(_parts(value, depth - 1, known))


def _names(code: CodeType) -> set[str]:
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return {*code.co_names}.union(*map(_names, inner))


def _code(code: CodeType) -> tuple[Any, ...]:
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, [_constant(c) for c in code.co_consts]


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _code(value)
    # The order of a set of texts is another one in each process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
