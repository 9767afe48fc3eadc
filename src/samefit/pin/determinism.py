"""The determinism switches of the framework: set on entering a scope, put back on leaving where that is possible."""

from __future__ import annotations

import contextlib
import functools
import sys
from typing import TYPE_CHECKING

from samefit import backends
from samefit.patches.imports import announced
from samefit.patches.updates import keep_updates_last
from samefit.pin.report import Limit

if TYPE_CHECKING:
    from samefit.backends.base import Determinism
    from samefit.pin.scope import PinScope


_PIPELINES = ("tensorflow",)
"""Frameworks with input pipelines whose functions run in several threads; they feed trainings of any backend."""


def pin_determinism(scope: PinScope) -> None:
    """Sets the switches of Keras's framework, and of those that only feed it; says which could not be set."""
    backend = backends.load(scope.backend)
    undo = scope.leaving.enter_context(contextlib.ExitStack())  # it takes more while the scope is open
    _enable(scope, undo, scope.backend)
    if backend.updates_may_overtake:
        keep_updates_last(scope.patches, backend.completed)
        scope.report.switched["updates"] = "after all gradients"
    others = [name for name in _PIPELINES if name != scope.backend]
    for name in others:
        if name in sys.modules:
            _enable(scope, undo, name)
    late = {name: functools.partial(_enable, scope, undo, name) for name in others if name not in sys.modules}
    scope.leaving.enter_context(announced(late))


def _enable(scope: PinScope, undo: contextlib.ExitStack, name: str) -> None:
    backend = backends.load(name)
    whose = "" if name == scope.backend else f"{name} "
    for switches in (backend.enable_determinism(), backend.full_precision()):
        undo.callback(switches.undo)
        scope.report.switched.update({whose + switch: value for switch, value in switches.switched.items()})
        _say_refused(scope, switches)


def _say_refused(scope: PinScope, switches: Determinism) -> None:
    for refused in switches.refused:
        text = f"{refused.name} could not be set: {refused.why}. Some operations may give other bits each time."
        scope.report.limit(Limit("switch-refused", text, refused.remedy))
