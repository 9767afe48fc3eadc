"""What of the user's own code shapes a training: functions that Keras knows by name alone, attributes, methods.

All of this is evidence: what cannot be read is said in its place, and never stops a recording.
"""

from __future__ import annotations

import argparse
import dataclasses
import dis
import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from samefit.attribution import kind_of
from samefit.data_code import attributes_held
from samefit.record.plain import is_plain, leaves, plain

_DEPTH = 3
"""So far functions that a function calls are looked into."""

_MOST_LINES = 200
"""A method of more lines is not kept: its digest tells whether it is another one."""

_MOST = 32
"""A value of more parts than that stands as a digest."""

_MOST_BYTES = 1 << 20

_NO_OPTIONS = {
    *("activity_regularizer", "autocast", "built", "input_spec", "name", "stateful", "supports_masking"),
    *("compiled", "jit_compile", "loss", "run_eagerly", "steps_per_execution", "stop_training"),
}
"""Public attributes that Keras's own `Layer`, `Model` and `Trainer` set and a user may read (Keras 3.12 to 3.15)."""

_PARTS = ("LearningRateSchedule", "Regularizer", "Constraint")
"""Keras's base classes of what optimizers and layers are made with, and act by when they train."""

_NO_MATHEMATICS = ("__init__", "get_config", "from_config", "compute_output_shape", "compute_output_spec")


def described(value: Any) -> Any:
    """Returns `value` as `plain` does; a function of the user's own with a digest of what it does."""
    return _safely(_described, value)


def _described(value: Any) -> Any:
    if isinstance(value, functools.partial):
        inside = [_described(value.func), *(repr(plain(v)) for v in value.args)]
        inside += [f"{name}={plain(v)!r}" for name, v in value.keywords.items()]
        return f"partial({', '.join(map(str, inside))})"
    function = _own_function(value)
    return plain(value) if function is None else marked(function.__name__, digest(function))


def _safely(read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except Exception as error:  # an object of the user's may raise anything; what it is stays unknown, and is said
        return f"{type(value).__qualname__}, which cannot be read ({type(error).__name__})"


def marked(text: str, its_digest: str) -> str:
    """Returns how something stands in a run that no other process can make from its name."""
    return f"{text} (your own, {its_digest})"


def with_own_functions(config: Mapping[str, Any], thing: Any) -> dict[str, Any]:
    """Returns a configuration in which the user's own functions stand with what they do.

    Keras writes a function as its name (keras/src/saving/serialization_lib.py, 3.15.1), so that an own `gelu` and
    Keras's are one.

    Args:
        config: What `get_config` gave, as plain data.
        thing: What it is the configuration of; its attributes are called as its options.
    """
    held = {name: vars(thing).get(name) for name in config}
    return {
        name: value if _own_function(held[name]) is None else described(held[name]) for name, value in config.items()
    }


def with_own_parts(config: Mapping[str, Any], thing: Any) -> dict[str, Any]:
    """Returns a configuration in which parts of classes of the user's own (`_PARTS`) stand with what they do.

    Args:
        config: What `get_config` gave, as plain data.
        thing: What it is the configuration of.
    """
    whole = dict(config)
    for name, part in _parts_of(thing, config).items():
        inner = config[name].get("config")
        inner = inner if isinstance(inner, Mapping) else {}
        class_name, attributes = own_class(part, inner)
        whole[name] = {**config[name], "class_name": class_name, "config": {**attributes, **inner}}
    return whole


def _parts_of(thing: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    # A schedule is held as `_learning_rate` (keras/src/optimizers/base_optimizer.py, 3.15), other parts by their names.
    held = {name: vars(thing).get(name, vars(thing).get(f"_{name}")) for name in config}
    return {
        name: part
        for name, part in held.items()
        if isinstance(config[name], Mapping)
        and "class_name" in config[name]
        and not type(part).__module__.startswith("keras.")
        and any(base.__name__ in _PARTS and base.__module__.startswith("keras.") for base in type(part).__mro__)
    }


def written_at(thing: Any, config: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns where the code of the user's own stands that a thing runs which `compile` or `fit` was given.

    Args:
        thing: An optimizer, a loss, a metric, a callback, or a function in the place of one.
        config: Its options; of a function and a callback none.

    Returns:
        {"function" or "Class.method": {"code": digest of what it does, "name": see `written`}}.
    """
    function = _own_function(thing)
    if function is not None:
        functions = {function.__name__: function}
    else:
        functions = {
            f"{type(part).__name__}.{name}": function
            for part in (thing, *_parts_of(thing, config).values())
            # What it was given, a callback holds by itself: the schedule of a `LearningRateScheduler`.
            for held in (*(vars(base) for base in reversed(type(part).__mro__)), attributes_held(part))
            for name, function in _functions(held).items()
            if name not in _NO_MATHEMATICS
        }
    return {name: {"code": _safely(digest, each), "name": written(each)} for name, each in functions.items()}


def attributes_of(thing: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the methods of the user's own class read of a layer or model beside its options, and their code.

    Args:
        thing: The layer or the model.
        config: Its options.

    Returns:
        {name: value}, plain values alone; of a method {"code of NAME": {"code": digest, "name": see `written`}}.
    """
    methods: dict[str, FunctionType] = {}
    for base in reversed(type(thing).__mro__):
        methods.update({name: method for name, method in _methods(base).items() if name not in _NO_MATHEMATICS})
    read = set[str]().union(*(_names(method.__code__, "LOAD_ATTR", "LOAD_METHOD") for method in methods.values()))
    found: dict[str, Any] = {}
    for name in sorted(read - _NO_OPTIONS - {*config}):
        if name in vars(thing) and not name.startswith("__"):
            value = _safely(_attribute, vars(thing)[name])
            if value is not None:
                found[name] = value
    for name, method in methods.items():
        found[f"code of {name}"] = {"code": _safely(digest, method), "name": written(method)}
    return found


def written(function: FunctionType) -> dict[str, Any]:
    """Returns {"file", "line" (1-based), "source"} of a function; "source" is "" if it is not known, or very long."""
    code = function.__code__
    try:
        # Of the function itself: what a decorator wraps may stand in another file.
        lines, line = inspect.getsourcelines(code)
    except (OSError, TypeError, SyntaxError):  # it was made from a text, or the file is no longer that of the function
        lines, line = [], code.co_firstlineno
    return {"file": code.co_filename, "line": line, "source": "".join(lines) if len(lines) <= _MOST_LINES else ""}


def own_class(thing: Any, config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Returns the name of a loss's or an optimizer's class, and what its methods read beside its options.

    A class with methods of the user's own stands with a digest of what they do; of one of a library the name is enough.
    """
    name = type(thing).__name__
    if type(thing).__module__.startswith("keras."):
        return name, {}
    found = attributes_of(thing, config)
    code = [(key, value["code"]) for key, value in found.items() if key.startswith("code of ")]
    attributes = {key: value for key, value in found.items() if not key.startswith("code of ")}
    return (marked(name, _hash(repr(code))) if code else name), attributes


def _attribute(value: Any) -> Any:
    """Returns a plain attribute, or None for what is none; None itself says nothing either."""
    if not is_plain(value):
        return None
    if isinstance(value, (list, tuple)) and sum(1 for _ in leaves(value)) > _MOST:
        return marked(f"{type(value).__name__} of {len(value)}", _hash(repr(plain(value))))
    if isinstance(value, str) and len(value) > _MOST * 8:
        return marked(f"text of {len(value)} characters", _hash(value))
    return plain(value)


def _methods(cls: type) -> dict[str, FunctionType]:
    return _functions(vars(cls))


def _functions(held: Mapping[str, Any]) -> dict[str, FunctionType]:
    candidates = {name: value for name, value in held.items() if not _answers_itself(value)}
    functions = {name: _own_function(value) for name, value in candidates.items() if inspect.isroutine(value)}
    return {name: function for name, function in functions.items() if function is not None}


def _answers_itself(value: Any) -> bool:
    """Whether a value, or its class, answers questions for its class by code of its own, which may raise: a proxy."""
    kind = type(value)
    return type(kind) is not type or any("__class__" in vars(base) for base in kind.__mro__[:-1])


def _own_function(value: Any) -> FunctionType | None:
    """Returns the function of the user's own that a value is, or that a library's decorator wraps; None if neither."""
    # Not by `getattr`: an object of the user's may answer to any name.
    for _ in range(10):
        value = value.__func__ if isinstance(value, (MethodType, staticmethod, classmethod)) else value
        if isinstance(value, FunctionType) and kind_of(value.__code__) == "user":
            return value
        value = inspect.getattr_static(value, "__wrapped__", None)
        if value is None:
            return None
    return None


def digest(function: FunctionType) -> str:
    """Returns 8 digits over what a function does: its code, its defaults, and the plain values that it reads.

    Args:
        function: Written in Python; what it calls of the user's own is looked into as well.
    """
    return _hash(repr(list(_parts(function, _DEPTH, set()))))


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=4).hexdigest()


def _parts(function: FunctionType, depth: int, known: set[int]) -> Iterator[Any]:
    # What was met before is left out, where it is reached in a circle as well.
    if id(function) in known or depth < 0:
        return
    known.add(id(function))
    code = function.__code__
    yield _code(code, function.__doc__)
    yield [_value(v) for v in function.__defaults__ or ()], sorted(function.__kwdefaults__ or {})
    for name, value in _read_by(function).items():
        own = _own_function(value)
        yield name, list(_parts(own, depth - 1, known)) if own is not None else _settings(value, code)


_MODULE = object()
"""Stands for a module: to look at one that is loaded when it is used loads it, and none of them is a value."""


def _read_by(function: FunctionType) -> dict[str, Any]:
    """Returns what the global names of a function, those around it and its named defaults stand for."""
    code = function.__code__
    read = {name: function.__globals__.get(name) for name in sorted(_names(code, "LOAD_GLOBAL", "LOAD_NAME"))}
    read |= function.__kwdefaults__ or {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            read[name] = cell.cell_contents
        except ValueError:  # not yet assigned: a function that calls itself while it is made
            continue
    return {name: _MODULE if issubclass(type(each), ModuleType) else each for name, each in read.items()}


def values_read(value: Any) -> Iterator[tuple[str, str, str]]:
    """Yields what a function of the user's own reads and can be named: name, value in words, file of the function.

    Numbers and texts, arrays of NumPy, functions of the user's own that it calls, and of a collection of settings the
    entries that it reads: `CONFIG["scale"]`, `config.scale`.
    """
    function = _own_function(value)
    if function is None:
        return
    read = _read_by(function)
    if isinstance(value, MethodType) and hasattr(value.__self__, "__dict__"):
        held = vars(value.__self__)
        names = _names(function.__code__, "LOAD_ATTR", "LOAD_METHOD")
        read |= {f"self.{name}": held[name] for name in sorted(names & held.keys())}
    for name, found in read.items():
        entries = _entries_read(found, function.__code__) if _own_function(found) is None else None
        for inner, each in (name, found), *_named_entries(name, found, entries or {}):
            said = _said(each)
            if said is not None:
                yield inner, said, function.__code__.co_filename


def _named_entries(name: str, collection: Any, entries: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in entries.items():
        yield (f'{name}["{key}"]' if isinstance(collection, dict) else f"{name}.{key}"), value


def _said(value: Any) -> str | None:
    own = _own_function(value)
    if own is not None:
        return marked(own.__name__, digest(own))
    if value is not None and (attribute := _attribute(value)) is not None:
        return repr(attribute)
    if _is_small_array(value):
        return f"an array {value.shape} of {value.dtype} ({_contents(value)})"
    return None


def _is_small_array(value: Any) -> bool:
    return type(value).__module__ == "numpy" and getattr(value, "nbytes", _MOST_BYTES) < _MOST_BYTES


def _contents(array: Any) -> str:
    """Returns a digest of what a NumPy array holds; of other objects than texts and numbers none."""
    if not array.dtype.hasobject:
        return _hash(array.tobytes().hex())
    # Its bytes are addresses, which are others in each process.
    held = array.tolist()
    return _hash(repr(held)) if is_plain(held) else "objects"


def _settings(value: Any, code: CodeType) -> Any:
    """Returns what a function reads of a collection of settings, entry by entry; of anything else its value.

    What else there is in the collection (a path, a time, what the script notes there) says nothing of the function.
    """
    entries = _entries_read(value, code)
    if entries is None:
        return _value(value)
    return type(value).__qualname__, [(name, _value(entry)) for name, entry in entries.items()]


def _entries_read(value: Any, code: CodeType) -> dict[str, Any] | None:
    """Returns what a function reads of a collection of settings, by name; None where the value is none."""
    if type(value) is dict:
        held, read = value, {text for text in _constants(code) if isinstance(text, str)}
    elif isinstance(value, (type, argparse.Namespace, types.SimpleNamespace)) or (
        dataclasses.is_dataclass(value) and hasattr(value, "__dict__")
    ):
        held, read = vars(value), _names(code, "LOAD_ATTR", "LOAD_METHOD")
    else:
        return None
    return {name: held[name] for name in sorted(read & held.keys())}


def _value(value: Any) -> Any:
    """Returns a value that does not change while a script runs; of lists and objects, which may, only the type."""
    if isinstance(value, tuple):
        return [_value(item) for item in value[:_MOST]]
    if isinstance(value, (str, int, float, bool, type(None))):
        return repr(value)
    if _is_small_array(value):
        return str(value.dtype), value.shape, _contents(value)
    return type(value).__qualname__


def _names(code: CodeType, *operations: str) -> set[str]:
    """Returns the names that some operations of a function, and of those made inside of it, work on."""
    own = {str(step.argval) for step in dis.get_instructions(code) if step.opname in operations}
    return own.union(*(_names(inner, *operations) for inner in code.co_consts if isinstance(inner, CodeType)))


def _constants(code: CodeType) -> set[Any]:
    """Returns the constants of a function, and of those made inside of it."""
    return {*code.co_consts}.union(*(_constants(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


def _code(code: CodeType, documentation: str | None = None) -> tuple[Any, ...]:
    constants = [_constant(c) for c in code.co_consts if documentation is None or c != documentation]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _code(value)
    # The order of a set of texts is another one in each process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
