"""Recording a training at its step boundaries, and every draw of the process's generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from samefit.record.callback import Recorder as Recorder


def __getattr__(name: str) -> object:
    # The callback is a Keras class: Keras is imported when it is first asked for.
    if name == "Recorder":
        from samefit.record.callback import Recorder

        return Recorder
    raise AttributeError(f"module 'samefit.record' has no attribute {name!r}")
