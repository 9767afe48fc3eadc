"""Draws through `keras.random`: the same values on every backend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from samefit import backends
from samefit.patches import default_seeds, pin_random
from samefit.pin import limits

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope


def pin_randomness(scope: PinScope) -> None:
    """Puts the portable random functions in place, and says which are used that are not portable."""
    said: set[str] = set()

    def native(name: str) -> None:
        if name not in said:
            said.add(name)
            scope.report.limit(limits.native_distribution(name))

    adapter = backends.load(scope.backend)
    scope.leaving.callback(adapter.specify_stream())
    default_seeds.draw_apart(scope.patches)
    pin_random.make_portable(scope.patches, scope.backend, adapter.portable_draws(), adapter.next_seed, native)
