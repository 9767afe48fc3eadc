"""The states of generators that a script makes for itself, of the classes of Python, NumPy and the frameworks.

Checked on Python 3.11 to 3.13, NumPy 2.4, PyTorch 2.13 and TensorFlow 2.21: it is their documented interface.
"""

from __future__ import annotations

import ast
import json
import random
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from samefit.backends.base import Backend

PREFIX = "own:"
"""How the key of one that stands in a global name begins: "own:module:name"."""


def state_of(value: Any) -> bytes | None:
    """Returns what decides the next draws of a generator, or None for anything else."""
    if isinstance(value, random.SystemRandom):
        # It has no state: it draws from the operating system.
        return None
    if isinstance(value, random.Random):
        return repr(value.getstate()).encode()
    if _is_numpy(value, "Generator"):
        return _as_json(value.bit_generator.state)
    if _is_numpy(value, "RandomState"):
        return _as_json(value.get_state(legacy=False))
    states = (backend.own_generator_state(value) for backend in _frameworks())
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
        return any(backend.write_own_generator(value, state) for backend in _frameworks())
    return True


def make_anew(key: str) -> bool:
    """Puts the generator that `key` names to where its seed had put it; returns whether it knows that."""
    value = _at(key)
    if _is_numpy(value, "Generator"):
        bits = value.bit_generator
        bits.state = type(bits)(bits.seed_seq).state
        return True
    return any(backend.renew_own_generator(value) for backend in _frameworks())


def _frameworks() -> list[Backend]:
    # Not imported before the script's first line, as this module is.
    from samefit import backends

    return backends.loaded() if "numpy" in sys.modules else []


def _at(key: str) -> Any:
    module, _, name = key.removeprefix(PREFIX).rpartition(":")
    return vars(sys.modules[module]).get(name) if module in sys.modules else None


def _is_numpy(value: Any, kind: str) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, getattr(numpy.random, kind))


def _as_json(state: Any) -> bytes:
    return json.dumps(state, default=lambda array: array.tolist()).encode()
