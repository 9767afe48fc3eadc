"""Several scripts in one process, each of which imports what plain Python would give it.

Imports the standard library alone, as `samefit.launch.child` does.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

_before: list[str] = []
"""The path as it was before any side."""

_entered: list[str] = []
"""The directories of the sides so far, the last of which is first on the path."""


def enter(directory: str) -> None:
    """Puts the directory of a side first on the path, in the place of that of the side before and of what that added.

    A side of the same directory finds all modules as the sides before have left them. To another one those of their
    directories are not known any more: it may have modules of its own with these names. One that it finds at the same
    place comes back with its state, for to see what that changes is what one process is for.

    Args:
        directory: That of the script; of a module that is run by name the working directory.
    """
    directory = os.path.abspath(directory)
    if not _entered:
        _before[:] = sys.path
    elif _entered[-1] == directory:
        return
    else:
        _put_aside()
    sys.path[:] = [directory, *_before]
    _entered.append(directory)


def _put_aside() -> None:
    added = {os.path.abspath(place) for place in sys.path if place not in _before} | set(_entered)
    tops = {name for name in sys.modules if "." not in name and name != "__main__"}
    theirs = {name for name in tops if not added.isdisjoint(_places(sys.modules[name]))}
    aside = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in theirs}
    for name, module in aside.items():
        del sys.modules[name]
        _known.setdefault(name, []).append(module)
    if _Known not in sys.meta_path:
        sys.meta_path.insert(0, _Known)


def _places(module: ModuleType) -> Iterator[str]:
    """Yields the directories in which a module was found: that of its file, those around a package."""
    # A package without `__init__.py` has places, and no file.
    for place in getattr(module, "__path__", None) or [getattr(module, "__file__", None) or ""]:
        yield os.path.dirname(os.path.abspath(place))


_known: dict[str, list[ModuleType]] = {}
"""Modules that were put aside, by name."""


class _Known(importlib.abc.MetaPathFinder):
    """Finds modules that were put aside, where they are what would be imported now."""

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        # With a target it is a reload, which executes the module anew.
        if name not in _known or target is not None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        same = [module for module in _known[name] if spec is not None and _is_at(module, spec)]
        return importlib.machinery.ModuleSpec(name, _Again(same[-1])) if same else None


class _Again(importlib.abc.Loader):
    """Gives a module back as it was left."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def _is_at(module: ModuleType, spec: importlib.machinery.ModuleSpec) -> bool:
    if spec.origin is not None:
        return os.path.abspath(spec.origin) == os.path.abspath(getattr(module, "__file__", None) or "")
    return list(spec.submodule_search_locations or ()) == list(getattr(module, "__path__", ()))
