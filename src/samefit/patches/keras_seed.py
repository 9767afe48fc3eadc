"""Keras's own seed and its global `SeedGenerator`, which all that is given no seed draws from.

Checked on Keras 3.12 to 3.15 (keras/src/utils/rng_utils.py, keras/src/random/seed_generator.py).
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from typing import Any


def _name() -> str:
    """Returns the name under which Keras keeps its global `SeedGenerator`."""
    # A constant from 3.13 on, and written out before.
    module = importlib.import_module("keras.src.random.seed_generator")
    return getattr(module, "GLOBAL_SEED_GENERATOR", "global_seed_generator")


def read() -> dict[str, Any]:
    """Returns Keras's own seed and its global `SeedGenerator` (keras/src/utils/rng_utils.py), for `write`."""
    state = importlib.import_module("keras.src.backend.common.global_state")
    generator = _name()
    seed = importlib.import_module("keras.src.utils.rng_utils").GLOBAL_RANDOM_SEED
    return {name: state.get_global_attribute(name) for name in (generator, seed)}


def write(before: Mapping[str, Any]) -> None:
    """Puts Keras's own seed and its global `SeedGenerator` back."""
    state = importlib.import_module("keras.src.backend.common.global_state")
    for name, value in before.items():
        state.set_global_attribute(name, value)


def begin(seed: int) -> None:
    """Puts Keras's own seed to `seed`, and exchanges its global `SeedGenerator` for a fresh one of that seed."""
    generator, number = read()
    write({generator: None, number: seed})
    importlib.import_module("keras.src.random.seed_generator").global_seed_generator()


def begin_later(seed: int) -> None:
    """As `begin`, but the `SeedGenerator` is made where it is asked for: a forked process may be unable to compute."""
    generator, number = read()
    write({generator: None, number: seed})


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """Puts Keras's own seed and its global `SeedGenerator` back on leaving."""
    before = read()
    try:
        yield
    finally:
        write(before)


def drop_generator() -> None:
    """Lets Keras make its global `SeedGenerator` anew, from its seed, where it is asked for next."""
    write({_name(): None})


def global_seed_state() -> Any | None:
    """Returns the state variable of Keras's global `SeedGenerator`, or None if there is none yet."""
    state = importlib.import_module("keras.src.backend.common.global_state")
    generator = state.get_global_attribute(_name())
    return None if generator is None else generator.state


def made_global_seed_state() -> Any:
    """Returns the state variable of Keras's global `SeedGenerator`, which is made if there is none yet."""
    return importlib.import_module("keras.src.random.seed_generator").global_seed_generator().state
