"""Generators that the user's code keeps: `RNG = numpy.random.default_rng(0)` at the top of a script, or in `main()`.

Their draws cannot be watched (NumPy's `Generator` is an immutable type); their states can be read between trainings.
"""

from __future__ import annotations

import ast
import functools
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

from samefit.attribution import is_user_file, kind_of
from samefit.data_code import attributes_held
from samefit.patches.imports import names_of
from samefit.patches.own_generators import FIRST, PREFIX, first_state_of, local_names, place_of, state_of
from samefit.store.records import generator_digest
from samefit.types import Location

if TYPE_CHECKING:
    from samefit.record.ledger import Ledger


@dataclass(frozen=True)
class OwnGenerator:
    """A generator that the user's code keeps.

    Attributes:
        name: Its name, or "object.attribute".
        kind: Its class, such as "numpy.random.Generator".
        key: "own:place:name", as `samefit.patches.own_generators` finds it.
        full: Its state, as `samefit.patches.own_generators` writes it.
        first: The one in which its seed had put it; None where it does not know that.
        location: The line that assigns it, where it is found.
    """

    name: str
    kind: str
    key: str
    full: bytes
    first: bytes | None
    location: Location | None

    @property
    def state(self) -> bytes:
        """Digest (16 bytes) of its state."""
        return generator_digest(self.full)


def own_generators() -> Iterator[OwnGenerator]:
    """Yields each generator that a name of the user's leads to.

    Names are the global ones of the user's modules, the local ones of functions that are being called, and attributes
    of what stands there and is of a class of the user's.
    """
    modules = {
        name: file for name, module in list(sys.modules.items()) if (file := _users_file(name, module)) is not None
    }
    # A script that imports a generator is not its home, and is gone when another one runs.
    ordered = sorted(modules.items(), key=lambda module: module[0] == "__main__")
    places = [(name, names_of(sys.modules[name]), file) for name, file in ordered]
    places += [(place_of(frame), local_names(frame), frame.f_code.co_filename) for frame in _users_frames()]
    known: set[int] = set()
    for place, names, file in places:
        for name, value, home in _named(names, file, modules):
            state = None if id(value) in known else state_of(value)
            if state is not None:
                known.add(id(value))
                kind = f"{type(value).__module__.split('.')[0]}.{type(value).__qualname__}"
                location = assignment(home, name.rpartition(".")[2])
                yield OwnGenerator(name, kind, f"{PREFIX}{place}:{name}", state, first_state_of(value), location)


def _users_file(name: str, module: Any) -> str | None:
    if name == "__mp_main__":
        # Another name that `multiprocessing` gives the script.
        return None
    # The names of a notebook stand in a module without a file.
    file = names_of(module).get("__file__", "<notebook>" if name == "__main__" else None)
    if not isinstance(file, str):
        return None
    return file if file == "<notebook>" or is_user_file(os.path.abspath(file)) else None


def _users_frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if kind_of(frame.f_code) == "user":
            yield frame
        frame = frame.f_back


def _named(names: Mapping[str, Any], file: str, modules: Mapping[str, str]) -> Iterator[tuple[str, Any, str]]:
    """Yields names, values, and the file in which they are assigned."""
    for name, value in list(names.items()):
        yield name, value, file
        home = modules.get(type(value).__module__)
        if home is not None:
            for attribute, inner in list(attributes_held(value).items()):
                yield f"{name}.{attribute}", inner, home


def note_own_generators(ledger: Ledger, training: int | None = None) -> dict[str, bytes]:
    """Adds an entry for each generator of the script's own, and returns states by key: those of now, and the first."""
    found = list(own_generators())
    for own in found:
        fields = {"function": own.name, "component": own.key, "value": own.kind, "location": own.location}
        ledger.note("state", generator="own", training=training, state=own.state, **fields)
    firsts = {f"{FIRST}{own.key}": own.first for own in found if own.first is not None}
    return {own.key: own.full for own in found} | firsts


def note_own_generators_of_side(ledger: Ledger) -> None:
    """Adds them where a side begins or gets a module of the side before; the first entry of each is how it got it."""
    ledger.keep(f"side:{ledger.side}", note_own_generators(ledger))


@functools.cache
def assignment(file: str, name: str) -> Location | None:
    """Returns the first line of a file that assigns to a name, or to an attribute that is called so."""
    try:
        with open(file, encoding="utf-8") as source:
            lines = source.read().splitlines()
        tree = ast.parse("\n".join(lines))
    except (OSError, SyntaxError, ValueError):
        # A module without a readable source: the name alone is said.
        return None
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Assign | ast.AnnAssign)]
    assigning = [node.lineno for node in nodes if name in _assigned(node)]
    if not assigning:
        return None
    return Location(os.path.abspath(file), min(assigning), lines[min(assigning) - 1].strip())


def _assigned(node: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    parts = [part for target in targets for part in ast.walk(target)]
    names = {part.id for part in parts if isinstance(part, ast.Name)}
    return names | {part.attr for part in parts if isinstance(part, ast.Attribute)}
