"""Generators that the user's modules keep: `RNG = numpy.random.default_rng(0)` at the top of a script.

Their draws cannot be watched (NumPy's `Generator` is an immutable type); their states can be read between trainings.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samefit.attribution import is_user_file
from samefit.patches.own_generators import PREFIX, state_of
from samefit.types import Location

if TYPE_CHECKING:
    from samefit.record.ledger import Ledger


@dataclass(frozen=True)
class OwnGenerator:
    """A generator that stands in a global name of a module of the user.

    Attributes:
        name: That name.
        kind: Its class, such as "numpy.random.Generator".
        key: "own:module:name".
        full: Its state, as `samefit.patches.own_generators` writes it.
        location: The line that assigns it, where it is found.
    """

    name: str
    kind: str
    key: str
    full: bytes
    location: Location | None

    @property
    def state(self) -> bytes:
        """Digest (16 bytes) of its state."""
        return hashlib.blake2b(self.full, digest_size=16).digest()


def own_generators() -> Iterator[OwnGenerator]:
    """Yields the generators in the global names of all modules of the user that are imported now."""
    for module_name, module in list(sys.modules.items()):
        # The names of a notebook stand in a module without a file.
        file = getattr(module, "__file__", None if module_name != "__main__" else "<notebook>")
        if not isinstance(file, str) or not (file == "<notebook>" or is_user_file(os.path.abspath(file))):
            continue
        for name, value in list(vars(module).items()):
            state = state_of(value)
            if state is not None:
                kind = f"{type(value).__module__.split('.')[0]}.{type(value).__qualname__}"
                yield OwnGenerator(name, kind, f"{PREFIX}{module_name}:{name}", state, _assignment(file, name))


def note_own_generators(ledger: Ledger, training: int | None = None) -> dict[str, bytes]:
    """Adds an entry for each generator of the script's own, and returns their full states by key."""
    found = list(own_generators())
    for own in found:
        fields = {"function": own.name, "value": own.kind, "location": own.location, "state": own.state}
        ledger.note("state", generator="own", training=training, **fields)
    return {own.key: own.full for own in found}


@functools.cache
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
