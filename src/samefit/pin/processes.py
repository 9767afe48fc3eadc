"""Processes that a script starts: each item of work that they are handed has a key, and what has none is said.

What is not handed over (the target of a `multiprocessing.Process`, the initialiser of a pool) draws from generators
that are seeded by the number of the process, if it is forked. One that is started anew is out of reach: its code is
read.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from samefit import backends
from samefit.backends.base import HookPoint
from samefit.by_object import ByObject
from samefit.data_code import draws_in, draws_of
from samefit.patches import pin_processes as hooks
from samefit.patches import seeding
from samefit.patches.imports import announced
from samefit.pin import limits
from samefit.pin.here import here
from samefit.pin.isolation import moves
from samefit.pin.keys import key
from samefit.pin.places import places
from samefit.pin.spool import Spool
from samefit.pin.tasks import Task

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_OPEN: list[PinScope] = []
"""The scopes that are open in this process, or were in the one from which it was forked; the innermost last."""


def pin_processes(scope: PinScope) -> None:
    """Pins what the processes draw that the script starts, and says what cannot be pinned."""
    _follow_forks()
    scope.leaving.callback(scope.report.close)
    scope.leaving.enter_context(_open(scope))
    scope.leaving.enter_context(hooks.watch_processes(scope.patches, Processes(scope)))
    _watch_seeding(scope)


@contextlib.contextmanager
def _open(scope: PinScope) -> Iterator[None]:
    _OPEN.append(scope)
    here.scopes += 1
    try:
        # In a forked process whose scope was another one this gives the generators a seed.
        with here.under_key():
            yield
    finally:
        here.scopes -= 1
        _OPEN.remove(scope)


@dataclass
class _Pool:
    seed: int
    calls: int = 0


class Processes:
    """Gives work for other processes its keys; observer of the pools of a script.

    Args:
        scope: The scope.
    """

    def __init__(self, scope: PinScope) -> None:
        self._scope = scope
        self._pools: ByObject[_Pool] = ByObject()
        self._read: set[Any] = set()
        self._thread = threading.get_ident()

    def call(self, pool: Any) -> hooks.Numbered:
        known = self._pools.get(pool)
        if known is None:
            known = _Pool(places.of_next_pool())
            self._pools.add(pool, known)
        known.calls += 1
        # Here, in the user's thread: a pool hands its work over in one of its own, later.
        seed, spool = key(known.seed, "call", known.calls), self._scope.report.spool
        return functools.partial(self._task, seed, spool, threading.get_ident() != self._thread)

    def _task(self, seed: int, spool: Spool, is_apart: bool, function: Callable[..., Any], number: int) -> Task:
        self._look_at(function, is_apart)
        return Task(function, seed, spool, number)

    def _look_at(self, function: Callable[..., Any], is_apart: bool) -> None:
        """Says what a function draws from generators of the script's own, of which each process has a copy.

        Where another thread than that of the scope hands it over, the order is one of time.
        """
        inner: Any = function.func if isinstance(function, functools.partial) else function
        inner = getattr(inner, "__func__", inner)
        code = getattr(inner, "__code__", type(inner))
        if (code, is_apart) not in self._read:
            self._read.add((code, is_apart))
            for draw in draws_in(function):
                if is_apart:
                    self._scope.report.limit(limits.handed_over_in_a_thread(draw))
                elif draw.kind == "own":
                    self._scope.report.limit(limits.copied_generator(draw))

    def starts(self, target: Any, arguments: tuple[Any, ...]) -> None:
        # PyTorch's DataLoader seeds the process-wide generators of its processes.
        seeds = (getattr(target, "__module__", None) or "").startswith("torch.utils.data")
        kinds = ("entropy",) if seeds else ("entropy", "shared")
        for value in (target, *arguments):
            for draw in (*draws_in(value), *draws_of(value)):
                if draw.kind in kinds:
                    self._scope.report.limit(limits.drawn_anew(draw))


def _watch_seeding(scope: PinScope) -> None:
    """Notes which generators of a forked process somebody seeds there, as a DataLoader does."""

    def watch(generator: str, points: Sequence[HookPoint]) -> None:
        hooks.watch_seeding(scope.patches, points, functools.partial(_was_seeded, generator))

    def watch_framework(name: str) -> None:
        watch(name, backends.load(name).seed_functions())

    watch("Python", [(random, name, f"random.{name}") for name in ("seed", "setstate")])
    watch("NumPy", [(np.random, name, f"numpy.random.{name}") for name in ("seed", "set_state")])
    for adapter in backends.loaded():
        watch_framework(adapter.name)
    late = [name for name in seeding.LATE if name not in sys.modules]
    scope.leaving.enter_context(announced({name: functools.partial(watch_framework, name) for name in late}))


def _was_seeded(generator: str) -> None:
    if not moves.running:
        here.was_seeded(generator)


_begun = threading.local()
"""`seed` is that of the process which this thread is about to fork."""


@functools.cache
def _follow_forks() -> None:
    """Is told of forks from now on: there is no way to take that back."""
    if hasattr(os, "register_at_fork"):
        # After that of the module `random`, which seeds its generator there.
        os.register_at_fork(before=_before, after_in_child=_after)


def _before() -> None:
    if _OPEN:
        for scope in _OPEN:
            scope.report.prepare()
        _begun.seed = places.of_next_process()


def _after() -> None:
    if _OPEN:
        here.forked(_begun.seed)
