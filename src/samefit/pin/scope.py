"""`pinned(seed)`: every generator of the process is seeded, reset before each training, and given back afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samefit.patches.patching import Patches
from samefit.pin.determinism import pin_determinism
from samefit.pin.entropy import pin_entropy_of_users
from samefit.pin.places import places
from samefit.pin.processes import pin_processes
from samefit.pin.randomness import pin_randomness
from samefit.pin.raw_draws import pin_raw_draws
from samefit.pin.report import PinReport
from samefit.pin.trainings import pin_trainings
from samefit.pin.weights import pin_weights

if TYPE_CHECKING:
    from samefit.backends.base import Backend


@dataclass(frozen=True)
class PinScope:
    """What every part of a pinned scope works with.

    Attributes:
        seed: The seed.
        report: Where it says what it could not pin.
        patches: Where its patches go; they are undone on leaving.
        backend: Name of Keras's backend.
        leaving: Where more things to undo on leaving go.
    """

    seed: int
    report: PinReport
    patches: Patches
    backend: str
    leaving: contextlib.ExitStack


_PARTS: tuple[Callable[[PinScope], None], ...] = (
    pin_determinism,
    pin_weights,
    pin_randomness,
    # Around `keras.random` as the scope has it: it watches which seeds are drawn.
    pin_trainings,
    pin_raw_draws,
    pin_entropy_of_users,
    pin_processes,
)
"""The parts of the scope, in the order in which they are put in place."""


_REPORTS: list[PinReport] = []
"""Of all scopes of this process, in the order in which they were entered."""


def reports() -> Sequence[PinReport]:
    """Returns the reports of all pinned scopes that were entered in this process."""
    return tuple(_REPORTS)


class pinned(contextlib.ContextDecorator):  # noqa: N801 - used like a function: `with samefit.pinned(42):`
    """Seeds all randomness of the process, and resets it before each training.

    Python's, NumPy's and the framework's generators and Keras's own are seeded on entering and again at the begin of
    each `fit`, so that what ran before does not matter. On leaving the scope every generator is back in the state in
    which it was, also after an exception.

    Args:
        seed: A non-negative integer below 2**32.

    Raises:
        ValueError: If `seed` is out of range.

    Example:
        >>> with samefit.pinned(42):
        ...     model.fit(x, y)
    """

    def __init__(self, seed: int) -> None:
        if not 0 <= seed < 2**32:
            raise ValueError(f"The seed must be an integer from 0 to 2**32 - 1; {seed} was given.")
        self.seed = seed
        self._stack: list[contextlib.ExitStack] = []

    def __enter__(self) -> pinned:
        import keras

        from samefit import backends
        from samefit.patches import generators, keras_seed, pinning, seeding

        pinning.require_known_keras()
        self.report = PinReport(self.seed)
        _REPORTS.append(self.report)
        with contextlib.ExitStack() as stack:
            stack.callback(generators.write_python, generators.read_python())
            stack.callback(places.setstate, places.getstate())
            numpy_state = generators.read_numpy()
            if numpy_state is not None:
                stack.callback(generators.write_numpy, numpy_state)
            known = backends.loaded()
            # Outermost: a framework that was imported within belongs to the scope around this one afterwards.
            stack.enter_context(seeding.frameworks_follow(self.seed))
            stack.callback(_unseed_others, known)
            for adapter in known:
                state = adapter.generator_state()
                if state is not None:
                    stack.callback(adapter.return_to, adapter.mark())
                    stack.callback(adapter.set_generator_state, state)
            stack.enter_context(keras_seed.kept())
            patches = Patches(passing=True)
            stack.callback(patches.undo)
            for part in _PARTS:
                part(PinScope(self.seed, self.report, patches, keras.config.backend(), stack))
            self._stack.append(stack.pop_all())
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.pop().close()


def _unseed_others(known: list[Backend]) -> None:
    """Puts the generators of frameworks that were imported inside of the scope to where an import leaves them."""
    from samefit import backends

    for adapter in backends.loaded():
        if adapter not in known:
            adapter.unseed()
