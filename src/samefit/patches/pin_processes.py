"""Where a script hands work to other processes. Checked on CPython 3.11 to 3.13 and joblib 1.6.

- `multiprocessing.Pool`: `apply_async`, and `_guarded_task_generation` for all that maps (multiprocessing/pool.py).
- `concurrent.futures.ProcessPoolExecutor`: `submit`, which its `map` calls as well (concurrent/futures/process.py).
- `joblib.Parallel`: `__call__`. Which items go together is decided by how long they take, so each gets its own number.
- `multiprocessing.Process`: `start`.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import process as executors
from contextlib import AbstractContextManager
from multiprocessing import pool as pools
from multiprocessing.process import BaseProcess
from typing import Any, Protocol

from samefit.backends.base import HookPoint
from samefit.patches.imports import announced
from samefit.patches.patching import Patches

_PYTHON = "CPython 3.11 to 3.13"

Numbered = Callable[[Callable[..., Any], int], Callable[..., Any]]
"""Called with a function and the number of the first item for it; returns what is to run in its place."""


class ProcessObserver(Protocol):
    """What pinning does with work for other processes."""

    def call(self, pool: Any) -> Numbered:
        """A pool is given work: one item, or many."""

    def starts(self, target: Any, arguments: tuple[Any, ...]) -> None:
        """A process is started that does not begin as a copy of this one."""


def watch_processes(patches: Patches, observer: ProcessObserver) -> AbstractContextManager[None]:
    """Puts all hooks in place; returns what is to be entered for libraries that are imported later."""

    def replace(owner: Any, name: str, make: Callable[..., Any], checked_on: str = _PYTHON) -> None:
        patches.replace(owner, name, functools.partial(make, observer), checked_on=checked_on)

    def watch_joblib() -> None:
        replace(importlib.import_module("joblib.parallel").Parallel, "__call__", _parallel, "joblib 1.6")

    replace(pools.Pool, "apply_async", _apply)
    replace(pools.Pool, "_guarded_task_generation", _mapped)
    replace(executors.ProcessPoolExecutor, "submit", _submit)
    replace(BaseProcess, "start", _start)
    if "joblib" in sys.modules:
        watch_joblib()
    return announced({} if "joblib" in sys.modules else {"joblib": watch_joblib})


def watch_seeding(patches: Patches, points: Sequence[HookPoint], seeded: Callable[[], None]) -> None:
    """Calls `seeded` before a function that seeds a process-wide generator, or puts it into a state."""
    for owner, name, _ in points:
        make = functools.partial(_seeding, seeded)
        patches.replace(owner, name, make, checked_on=f"{_PYTHON}, NumPy 1.26 to 2.4, torch 2.13, TF 2.21")


def _seeding(seeded: Callable[[], None], original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def seed(*args: Any, **kwargs: Any) -> Any:
        seeded()
        return original(*args, **kwargs)

    return seed


def _has_processes(pool: Any) -> bool:
    return not isinstance(pool, pools.ThreadPool)


def _apply(observer: ProcessObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def apply_async(self: Any, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        # Keras's own readers have a key for each batch.
        if _has_processes(self) and not (getattr(func, "__module__", None) or "").startswith("keras."):
            func = observer.call(self)(func, 0)
        return original(self, func, *args, **kwargs)

    return apply_async


def _mapped(observer: ProcessObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def _guarded_task_generation(self: Any, result_job: int, func: Callable[..., Any], iterable: Iterable[Any]) -> Any:
        tasks = original(self, result_job, func, iterable)
        return _numbered(observer.call(self), func, tasks) if _has_processes(self) else tasks

    return _guarded_task_generation


def _numbered(numbered: Numbered, func: Callable[..., Any], tasks: Iterable[Any]) -> Iterator[Any]:
    module, first = vars(pools), 0
    chunks = module["mapstar"], module["starmapstar"]
    for job, index, mapper, args, keywords in tasks:
        if mapper is not func:  # what raises the error of an iterator
            yield job, index, mapper, args, keywords
        elif mapper in chunks:
            ((function, items),) = args
            yield job, index, mapper, ((numbered(function, first), items),), keywords
            first += len(items)
        else:
            yield job, index, numbered(func, first), args, keywords
            first += 1


def _submit(observer: ProcessObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    chunk = getattr(executors, "_process_chunk", None)

    @functools.wraps(original)
    def submit(self: Any, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        numbered = observer.call(self)
        if isinstance(fn, functools.partial) and fn.func is chunk:
            fn = functools.partial(chunk, numbered(fn.args[0], 0))
        else:
            fn = numbered(fn, 0)
        return original(self, fn, *args, **kwargs)

    return submit


def _parallel(observer: ProcessObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def __call__(self: Any, iterable: Iterable[Any]) -> Any:  # noqa: N807 - it replaces one
        numbered, count = observer.call(self), itertools.count()
        items: Iterable[Any] = ((numbered(function, next(count)), *rest) for function, *rest in iterable)
        # It tells how many there are, as long as they can be counted.
        return original(self, list(items) if hasattr(iterable, "__len__") else items)

    return __call__


def _start(observer: ProcessObserver, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def start(self: Any) -> None:
        # A class of a context names its method; that of the module has the method of the process.
        method = getattr(self, "_start_method", None) or multiprocessing.get_start_method()
        if method != "fork":
            observer.starts(getattr(self, "_target", None) or self.run, getattr(self, "_args", ()))
        original(self)

    return start
