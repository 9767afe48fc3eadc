"""The touches of Keras that pinning needs. Checked on Keras 3.15.1."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

from samefit.patches.patching import Patches
from samefit.patches.trainer import trainer_class


def before_each_training(patches: Patches, backend: str, reset: Callable[[], Any]) -> None:
    """Calls `reset` whenever a `fit` begins that is not part of another one."""
    depth = [0]

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
            if depth[0] == 0:
                reset()
            depth[0] += 1
            try:
                return original(self, *args, **kwargs)
            finally:
                depth[0] -= 1

        return fit

    patches.replace(trainer_class(backend), "fit", make, checked_on="Keras 3.15.1")


@contextlib.contextmanager
def keras_seed_kept() -> Iterator[None]:
    """Puts Keras's own seed and its global `SeedGenerator` back on leaving (keras/src/utils/rng_utils.py)."""
    from keras.src.backend.common import global_state
    from keras.src.random.seed_generator import GLOBAL_SEED_GENERATOR
    from keras.src.utils.rng_utils import GLOBAL_RANDOM_SEED

    names = (GLOBAL_SEED_GENERATOR, GLOBAL_RANDOM_SEED)
    before = {name: global_state.get_global_attribute(name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            global_state.set_global_attribute(name, value)
