"""The states of generators that a script makes for itself, of the classes of Python, NumPy and the frameworks.

Checked on Python 3.11 to 3.13, NumPy 2.4, PyTorch 2.13 and TensorFlow 2.21: it is their documented interface.
"""

from __future__ import annotations

import ast
import inspect
import json
import random
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

from samefit import backends
from samefit.patches.imports import names_of

PREFIX = "own:"
"""How a key begins: "own:place:name", where the place is a module or "module.function()" (one that is being called),
and the name may be "object.attribute"."""

FIRST = "first:"
"""What stands before the key of the state in which a seed had put such a generator."""

_HOMES = frozenset(("random", "numpy", *backends.NAMES))
"""The packages that the classes of generators are from."""


def state_of(value: Any) -> bytes | None:
    """Returns what decides the next draws of a generator; None for anything else, and for one that does not tell.

    Of anything else its type alone is looked at: a stand-in for what is loaded when it is used is left as it is.
    """
    kinds = {str(base.__module__).partition(".")[0] for base in type(value).__mro__}
    return None if kinds.isdisjoint(_HOMES) else _asked(_state_of, value)


def _asked(question: Callable[[Any], bytes | None], value: Any) -> bytes | None:
    try:
        return question(value)
    except Exception:  # a class of the user's, or a stand-in: what it raises when it is asked is no matter of ours
        return None


def _state_of(value: Any) -> bytes | None:
    if isinstance(value, random.SystemRandom):
        # It has no state: it draws from the operating system.
        return None
    if isinstance(value, random.Random):
        return repr(value.getstate()).encode()
    if _is_numpy(value, "Generator"):
        return _as_json(value.bit_generator.state)
    if _is_numpy(value, "RandomState"):
        return _as_json(value.get_state(legacy=False))
    states = (backend.own_generator_state(value) for backend in backends.loaded())
    return next((state for state in states if state is not None), None)


def write(key: str, state: bytes) -> bool:
    """Puts the generator that `key` names into a state; returns whether there is one of the kind."""
    value = _at(key)
    if isinstance(value, random.Random):
        value.setstate(ast.literal_eval(state.decode()))
    elif _is_numpy(value, "Generator"):
        value.bit_generator.state = json.loads(state)
    elif _is_numpy(value, "RandomState"):
        value.set_state(json.loads(state))
    else:
        return any(backend.write_own_generator(value, state) for backend in backends.loaded())
    return True


def make_anew(key: str) -> bool:
    """Puts the generator that `key` names to where its seed had put it; returns whether it knows that."""
    first = first_state_of(_at(key))
    return first is not None and write(key, first)


def first_state_of(value: Any) -> bytes | None:
    """Returns the state in which the seed of a generator had put it, or None where it does not tell."""
    return _asked(_first_state_of, value)


def _first_state_of(value: Any) -> bytes | None:
    if _is_numpy(value, "Generator"):
        bits = value.bit_generator
        seeds = getattr(bits, "seed_seq", None)
        # Philox may have been given a key instead.
        if seeds is None or type(bits).__name__ == "Philox":
            return None
        return _as_json(type(bits)(seeds).state)
    states = (backend.first_state_of(value) for backend in backends.loaded())
    return next((state for state in states if state is not None), None)


def place_of(frame: FrameType) -> str:
    """Returns the place of the local names of a function that is being called."""
    return f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}()"


def local_names(frame: FrameType) -> dict[str, Any]:
    """Returns the local names of a function that is being called; of a body of a class or a module, none."""
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED:
        return {}
    names = frame.f_locals
    found = dict(names)
    if isinstance(names, dict):
        # Before Python 3.13 it is a copy that the frame keeps, and with it what the function has deleted by then.
        names.clear()
    return found


def _at(key: str) -> Any:
    place, _, name = key.removeprefix(PREFIX).rpartition(":")
    name, _, attribute = name.partition(".")
    value = _names_at(place).get(name)
    return getattr(value, attribute, None) if attribute else value


def _names_at(place: str) -> Mapping[str, Any]:
    if place in sys.modules:
        return names_of(sys.modules[place])
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and place_of(frame) != place:
        frame = frame.f_back
    return {} if frame is None else local_names(frame)


def _is_numpy(value: Any, kind: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy.random, kind))


def _as_json(state: Any) -> bytes:
    return json.dumps(state, default=lambda array: array.tolist()).encode()
