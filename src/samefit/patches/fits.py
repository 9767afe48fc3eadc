"""What several touches of Keras's trainers share: something around each `fit`, something before each epoch."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Makes what takes the place of a function from the function; see `Patches.replace`."""


def around_fit(enter: Callable[[Any, dict[str, Any]], AbstractContextManager[None]]) -> Make:
    """Lets each `fit` run within `enter(model, arguments)`; the arguments are those that the user wrote."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                arguments = dict(signature.bind(self, *args, **kwargs).arguments)
            except TypeError:
                # The user's mistake: let Keras say so.
                return original(self, *args, **kwargs)
            with enter(self, arguments):
                return original(self, *args, **kwargs)

        return fit

    return make


def before_epoch(tell: Callable[[int], None]) -> Make:
    """Calls `tell` with the number of each epoch (0-based) of a `CallbackList` before any callback is told."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def on_epoch_begin(self: Any, epoch: int, logs: Any = None) -> Any:
            tell(epoch)
            return original(self, epoch, logs)

        return on_epoch_begin

    return make
