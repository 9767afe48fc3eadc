"""Generators that the user's modules keep: `RNG = numpy.random.default_rng(0)` at the top of a script.

Their draws cannot be watched (NumPy's `Generator` is an immutable type), but their states can be read between sides.
"""

from __future__ import annotations

import ast
import hashlib
import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from samefit.attribution import is_user_file
from samefit.types import Location


@dataclass(frozen=True)
class OwnGenerator:
    """A generator that stands in a global name of a module of the user.

    Attributes:
        name: That name.
        kind: Its class, such as "numpy.random.Generator".
        state: Digest (16 bytes) of its state.
        location: The line that assigns it, where it is found.
    """

    name: str
    kind: str
    state: bytes
    location: Location | None


def own_generators() -> Iterator[OwnGenerator]:
    """Yields the generators in the global names of all modules of the user that are imported now."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or not is_user_file(os.path.abspath(file)):
            continue
        for name, value in list(vars(module).items()):
            state = _state(value)
            if state is not None:
                kind = f"{type(value).__module__.split('.')[0]}.{type(value).__qualname__}"
                digest = hashlib.blake2b(state, digest_size=16).digest()
                yield OwnGenerator(name, kind, digest, _assignment(file, name))


def _state(value: Any) -> bytes | None:
    """Returns what decides the next draws of a generator, or None for anything else."""
    if isinstance(value, random.Random):
        return repr(value.getstate()).encode()
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if isinstance(value, numpy.random.Generator):
        return repr(value.bit_generator.state).encode()
    if isinstance(value, numpy.random.RandomState):
        return b"".join(numpy.asarray(part).tobytes() for part in value.get_state(legacy=True))
    return None


def _assignment(file: str, name: str) -> Location | None:
    try:
        with open(file, encoding="utf-8") as source:
            lines = source.read().splitlines()
        tree = ast.parse("\n".join(lines))
    except (OSError, SyntaxError, ValueError):
        # A module without a readable source: the name alone is said.
        return None
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            return Location(os.path.abspath(file), node.lineno, lines[node.lineno - 1].strip())
    return None
