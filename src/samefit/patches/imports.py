"""Hearing of imports; checked on CPython 3.11 to 3.13.

The child process of a run imports this before the user's first line, so it imports the standard library alone.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any


class Announcer(importlib.abc.MetaPathFinder):
    """Calls back once a module of a given name has been imported to its end.

    Args:
        callbacks: {name of a top-level module: what to call}.
    """

    def __init__(self, callbacks: Mapping[str, Callable[[], None]]) -> None:
        self._callbacks = dict(callbacks)
        self._looking = threading.local()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._callbacks or getattr(self._looking, "now", False):
            return None
        self._looking.now = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking.now = False
        if spec is None or spec.loader is None:
            return None
        # Not yet forgotten: many only look for a module, and an import may fail and be tried again, as TensorFlow does
        # with Keras while it is imported itself.
        spec.loader = _Loader(spec.loader, functools.partial(self._imported, fullname))
        return spec

    def forget(self) -> None:
        """Calls nothing back any more: a lazy import may be carried out later."""
        self._callbacks.clear()

    def _imported(self, fullname: str) -> None:
        # Not forgotten after the first: `keras.config.set_backend` imports Keras anew.
        callback = self._callbacks.get(fullname)
        if callback is not None:
            callback()


class _Loader(importlib.abc.Loader):
    """Executes a module with its own loader, puts that loader back, and calls back."""

    def __init__(self, loader: importlib.abc.Loader, callback: Callable[[], None]) -> None:
        self._loader = loader
        self._callback = callback

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._callback()


class Held(importlib.abc.MetaPathFinder):
    """Sets a variable of the environment anew whenever a module that reads it is about to be imported.

    Attributes:
        replaced: What it had been set to by then, last of all; None if it was as it should be.

    Args:
        module: Name of the top-level module.
        variable: Name of the variable.
        value: Its value.
    """

    def __init__(self, module: str, variable: str, value: str) -> None:
        self.replaced: str | None = None
        self._module, self._variable, self._value = module, variable, value

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == self._module and os.environ.get(self._variable) != self._value:
            self.replaced = os.environ.get(self._variable, "")
            os.environ[self._variable] = self._value
        return None


@contextlib.contextmanager
def announced(callbacks: Mapping[str, Callable[[], None]]) -> Iterator[None]:
    """Within, the import of a module calls back; see `Announcer`.

    One inside of another hears of an import after it.
    """
    announcer = Announcer(callbacks)
    sys.meta_path.insert(0, announcer)
    try:
        yield
    finally:
        announcer.forget()
        if announcer in sys.meta_path:  # somebody may have put an older list back
            sys.meta_path.remove(announcer)


def names_of(module: Any) -> Mapping[str, Any]:
    """Returns the names in what `sys.modules` holds; of what is no module none.

    A module that is loaded when it is used (`importlib.util.LazyLoader`, a stand-in that raises) is left alone.
    """
    return object.__getattribute__(module, "__dict__") if issubclass(type(module), ModuleType) else {}
