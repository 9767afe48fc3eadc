"""The determinism switches of the framework: set on entering a scope, put back on leaving where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samefit import backends
from samefit.patches.updates import keep_updates_last
from samefit.pin.report import Limit

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope


def pin_determinism(scope: PinScope) -> None:
    """Sets the switches of Keras's framework, and says which could not be set."""
    backend = backends.load(scope.backend)
    determinism = backend.enable_determinism()
    scope.leaving.callback(determinism.undo)
    scope.report.switched.update(determinism.switched)
    if backend.updates_may_overtake:
        keep_updates_last(scope.patches, backend.completed)
        scope.report.switched["updates"] = "after all gradients"
    for refused in determinism.refused:
        text = f"{refused.name} could not be set: {refused.why}. Some operations may give other bits each time."
        scope.report.limit(Limit("switch-refused", text, refused.remedy))
