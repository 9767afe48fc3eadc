"""Generators of the process under a key: for initialisers that are the user's own code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from samefit import backends
from samefit.patches import generators, keras_seed, seeding
from samefit.patches.default_seeds import default_seeds
from samefit.patches.keras_seed import global_seed_state
from samefit.pin.isolation import moves


@contextlib.contextmanager
def keyed(key: int) -> Iterator[None]:
    """Seeds every process-wide generator with `key`, and puts all of them back afterwards."""
    with contextlib.ExitStack() as back:
        back.enter_context(moves.one())
        back.callback(generators.write_python, generators.read_python())
        numpy_state = generators.read_numpy()
        if numpy_state is not None:
            back.callback(generators.write_numpy, numpy_state)
        back.callback(default_seeds().setstate, default_seeds().getstate())
        for adapter in backends.loaded():
            state = adapter.generator_state()
            if state is not None:
                back.callback(adapter.set_generator_state, state)
        back.enter_context(keras_seed.kept())
        back.enter_context(seeding.frameworks_follow(key))
        seeding.seed_keras(key)
        yield


PORTABLE = 4
"""How many of `states`, the first ones, are those of generators that give the same numbers on every backend."""


def states(backend: str) -> tuple[object, ...]:
    """Returns the states of all process-wide generators, to see whether one of them moved."""
    variable = global_seed_state()
    value = None if variable is None else backends.load(backend).host_value(variable)
    return (
        generators.read_python(),
        generators.read_numpy(),
        default_seeds().getstate(),
        None if value is None else value.tobytes(),
        *(adapter.generator_state() for adapter in backends.loaded()),
    )
