"""Several scripts in one process, each of which imports what plain Python would give it.

Imports the standard library alone, as `samefit.launch.child` does.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from samefit.attribution import is_user_file
from samefit.patches.imports import names_of

_before: list[str] = []
"""The path as it was before any side."""

_entered: list[str] = []
"""The directories of the sides so far."""


def enter(directory: str, came_back: Callable[[], None]) -> None:
    """Puts the directory of a side first on the path, in the place of that of the side before and of what that added.

    Modules of the user's are not known to the next side any more, wherever the one before has found them: it may have
    other ones with these names. One that it finds at the same place comes back with its state, for to see what that
    changes is what one process is for.

    Args:
        directory: That of the script; of a module that is run by name the working directory.
        came_back: Called whenever the side has got a module as the one before had left it.
    """
    _told[:] = [came_back]
    if _entered:
        _put_aside()
        # What a library has added stays: it may look for more of itself there.
        added = [entry for entry in sys.path if entry not in _before and not _is_users_place(entry)]
    else:
        _before[:], added = sys.path, []
    own = [] if sys.flags.safe_path else [directory]
    sys.path[:] = [*own, *_before, *added]
    _entered.append(directory)


def given_back() -> list[str]:
    """Returns the files of the modules that a side has got as the one before had left them, since it was entered."""
    return [known.place for known in _again if isinstance(known.place, str)]


@dataclass(frozen=True, eq=False)
class _Known:
    """A module that was put aside.

    Attributes:
        module: The module.
        place: Its file; of a package without one its directories, which Python computes anew with every change of the
            path.
        side: How many sides had been entered by then.
    """

    module: ModuleType
    place: str | list[str]
    side: int


_aside: dict[str, list[_Known]] = {}
"""Modules that were put aside, by name."""

_again: list[_Known] = []
"""Those that came back since the last side was entered."""


_told: list[Callable[[], None]] = []


def _put_aside() -> None:
    _again.clear()
    modules = [(name, module) for name, module in list(sys.modules.items()) if name not in ("__main__", "__mp_main__")]
    # The places of a package are computed from its parent: first of all, then they go.
    places = {name: _place_of(names_of(module)) for name, module in modules}
    # A package with all that is in it, compiled modules as well.
    theirs = {name.partition(".")[0] for name, place in places.items() if _is_users(place)}
    for name, module in modules:
        if name.partition(".")[0] in theirs:
            del sys.modules[name]
            _aside.setdefault(name, []).append(_Known(module, places[name], len(_entered)))
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


def _is_users(place: str | list[str]) -> bool:
    return is_user_file(place) if isinstance(place, str) else any(map(_is_users_place, place))


def _place_of(names: Mapping[str, Any]) -> str | list[str]:
    file = names.get("__file__")
    return os.path.abspath(file) if isinstance(file, str) else _absolute(names.get("__path__") or ())


def _absolute(places: Iterable[Any]) -> list[str]:
    return [os.path.abspath(place) for place in places if isinstance(place, str)]


def _is_users_place(entry: Any) -> bool:
    return not isinstance(entry, str) or is_user_file(os.path.join(os.path.abspath(entry), "__init__.py"))


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules that were put aside, where they are what would be imported now."""

    def __init__(self) -> None:
        self._asking: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        # With a target it is a reload, which executes the module anew.
        if not _aside.get(name) or target is not None or name in self._asking:
            return None
        self._asking.add(name)
        try:
            spec = self._found_by_others(name, path)
        finally:
            self._asking.discard(name)
        if spec is None:
            return None
        place: str | list[str] = _absolute(spec.submodule_search_locations or ())
        if spec.origin is not None and spec.has_location:
            place = os.path.abspath(spec.origin)
        same = [known for known in _aside[name] if place and known.place == place]
        if not same:
            return None
        spec.loader = _Again(same[-1], spec.loader)
        return spec

    def _found_by_others(self, name: str, path: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            spec: importlib.machinery.ModuleSpec | None = None if find is None or finder is self else find(name, path)
            if spec is not None:
                return spec
        return None


_FINDER = _Finder()


def _give_back(name: str, known: _Known) -> None:
    _aside[name].remove(known)
    _again.append(known)


class _Again(importlib.abc.Loader):
    """Gives a module back as it was left; once, since who imports it anew after that wants it executed."""

    def __init__(self, known: _Known, loader: Any) -> None:
        self._known, self._spec, self._loader = known, names_of(known.module).get("__spec__"), loader

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._known.module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        name, module.__spec__ = module.__spec__.name, self._spec
        _give_back(name, self._known)
        # What a package holds is there with it, as in a process that has imported it before.
        for inner, every in _aside.items():
            same = [known for known in every if known.side == self._known.side]
            if inner.startswith(f"{name}.") and inner not in sys.modules and same:
                sys.modules[inner] = same[0].module
                _give_back(inner, same[0])
        for tell in _told:
            tell()

    def __getattr__(self, name: str) -> Any:
        # Who only looks for the module (`runpy`, `pkgutil`) asks its loader for the code or a file.
        return getattr(self._loader, name)
