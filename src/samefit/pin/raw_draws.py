"""Draws of a user's layer or `train_step` that go past Keras: they have no place in the data flow, and are said."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from samefit import backends
from samefit.attribution import caller, kind_of, location
from samefit.backends.base import HookPoint
from samefit.patches import dataflow, generators, seeding
from samefit.patches.imports import announced
from samefit.pin import evaluation, limits, order
from samefit.pin.here import here
from samefit.pin.limits import Where
from samefit.pin.report import Limit
from samefit.types import Location

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope

_METHODS: dict[str, Where] = {"__init__": "making", "build": "making", "train_step": "step"}


def pin_raw_draws(scope: PinScope) -> None:
    """Watches the functions that draw from a process-wide generator: Python's, NumPy's, those of frameworks.

    JAX has none: its functions take a key.
    """
    seen: set[tuple[str, int]] = set()
    said: set[Location] = set()

    def watch(generator: str, points: Sequence[HookPoint], drew: Callable[[str], None] | None = None) -> None:
        for owner, name, label in points:
            limit = functools.partial(limits.raw_draw, label, generator, once=generator != scope.backend)
            told = None if drew is None else functools.partial(drew, label)
            loose = functools.partial(_say_loose, scope, label, generator, said)
            make = functools.partial(_watched, scope, limit, told, loose, seen)
            scope.patches.replace(owner, name, make, checked_on="NumPy 1.26 to 2.4, TF 2.21, torch 2.13")

    def watch_framework(name: str) -> None:
        watch(name, backends.load(name).draw_functions(), order.drew)

    watch("Python", generators.python_draws())
    watch("NumPy", generators.numpy_draws())
    for adapter in backends.loaded():
        watch_framework(adapter.name)
    late = [name for name in seeding.LATE if name not in sys.modules]
    scope.leaving.enter_context(announced({name: functools.partial(watch_framework, name) for name in late}))


def _watched(
    scope: PinScope,
    limit: Callable[[Where, Location], Limit],
    drew: Callable[[], None] | None,
    loose: Callable[[FrameType | None], None],
    seen: set[tuple[str, int]],
    original: Callable[..., Any],
) -> Callable[..., Any]:
    @functools.wraps(original)
    def draw(*args: Any, **kwargs: Any) -> Any:
        # Past the hook of a recorder on the same function.
        frame = _first_foreign(sys._getframe(1))
        if drew is not None and kwargs.get("generator") is None:
            drew()
        if here.is_fork and kwargs.get("generator") is None:
            loose(frame)
        if frame is not None and kwargs.get("generator") is None:
            place = frame.f_code.co_filename, frame.f_lineno
            if place not in seen and kind_of(frame.f_code) == "user" and (where := _where(frame)) is not None:
                seen.add(place)
                scope.report.limit(limit(where, location(*place)))
        return original(*args, **kwargs)

    return draw


def _say_loose(scope: PinScope, function: str, generator: str, said: set[Location], frame: FrameType | None) -> None:
    """Says that a process which the script has forked draws, if there is no key for what it does."""
    if frame is None or not here.is_loose(generator):
        return
    where = caller(frame).location
    if where is not None and where not in said:
        said.add(where)
        scope.report.limit(limits.worker_draw(f"{function} is called", where))


def _first_foreign(frame: FrameType | None) -> FrameType | None:
    while frame is not None and kind_of(frame.f_code) == "own":
        frame = frame.f_back
    return frame


def _where(frame: FrameType | None) -> Where | None:
    """Returns where a layer or model draws, or None if it is none that does.

    Keras calls a layer by `Layer.__call__` (keras/src/layers/layer.py). What an initialiser of the user's draws belongs
    to the weight that it makes: a variable runs it (keras/src/backend/common/variables.py), or samefit, under a key.
    """
    while frame is not None:
        code = frame.f_code
        file = code.co_filename.replace("\\", "/")
        if file.endswith("keras/src/backend/common/variables.py") or code.co_filename == evaluation.__file__:
            return None
        if file.endswith("layers/layer.py"):
            if code.co_name == "_maybe_build":
                return None
            if code.co_name == "__call__":
                return "call"
        where = _METHODS.get(code.co_name)
        if where is not None and kind_of(code) == "user" and _is_method_of_a_layer(frame):
            return where
        frame = frame.f_back
    return None


def _is_method_of_a_layer(frame: FrameType) -> bool:
    names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    return bool(names) and dataflow.is_layer(frame.f_locals.get(names[0]))
