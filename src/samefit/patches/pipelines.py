"""Watching how input pipelines are put together: the stages of `tf.data`, and PyTorch's `DataLoader`.

Checked on TensorFlow 2.21 and torch 2.13. Public methods are replaced; what they make is handed on untouched.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from samefit.backends.base import Backend
from samefit.patches.patching import Patches

_CHECKED = "TF 2.21, torch 2.13"


class PipelineObserver(Protocol):
    """What a recorder does with the stages of input pipelines."""

    def stage(
        self,
        backend: Backend,
        function: str,
        arguments: dict[str, Any],
        defaults: Mapping[str, Any],
        make: Callable[[], Any],
    ) -> Any:
        """A stage is made: `make()` does it, from `arguments`, which may be changed in place, and from `defaults`."""


def watch_pipelines(patches: Patches, backend: Backend, observer: PipelineObserver) -> None:
    """Tells `observer` of every stage of an input pipeline that is made with a framework."""
    for owner, name, label in backend.pipeline_functions():
        is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
        patches.replace(
            owner, name, functools.partial(_watched, backend, observer, label, is_static), checked_on=_CHECKED
        )


def _watched(
    backend: Backend, observer: PipelineObserver, label: str, is_static: bool, original: Callable[..., Any]
) -> Any:
    signature = inspect.signature(original)
    defaults = {p.name: p.default for p in signature.parameters.values() if p.default is not inspect.Parameter.empty}

    @functools.wraps(original)
    def making(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            # The user's mistake: let the framework say so.
            return original(*args, **kwargs)
        # Only what the user wrote is handed on, so that a framework may change its defaults.
        return observer.stage(backend, label, bound.arguments, defaults, lambda: original(*bound.args, **bound.kwargs))

    return staticmethod(making) if is_static else making
