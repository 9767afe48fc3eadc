"""What keeps a training apart from everything around it: its generators, and those of its callbacks.

Callbacks draw from process-wide generators of their own, and leave the seeds of the model as they found them unless
they train it.
"""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from samefit import backends
from samefit.backends.base import Array
from samefit.patches import keras_seed, pinning, seeding
from samefit.patches.default_seeds import default_seeds
from samefit.patches.keras_seed import global_seed_state
from samefit.pin.places import places


class _Moves:
    """Knows whether something known moved the process-wide generators meanwhile; other threads may look at any time.

    Attributes:
        running: How many things run that may move them, one inside of the other.
        number: Another number after each of them.
    """

    def __init__(self) -> None:
        self.running = 0
        self.number = 0

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """Within, generators may move: samefit sets them, a callback draws, a layer is built."""
        self.running += 1
        self.number += 1
        try:
            yield
        finally:
            self.number += 1
            self.running -= 1


moves = _Moves()


class Generators:
    """All generators of the process, together: Python's, NumPy's, the frameworks' and Keras's.

    Args:
        backend: Name of Keras's backend.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backends.load(backend)

    def seed(self, seed: int) -> None:
        """Seeds all of them from the ground up."""
        with moves.one():
            seeding.seed_keras(seed)
        places.begin(seed)
        for adapter in backends.loaded():
            # Keras seeds the framework of its own backend.
            if adapter is not self._backend:
                adapter.seed(seed)

    def reseed(self, seed: int) -> None:
        """Seeds all of them while a training runs, so that nothing that is in use is exchanged."""
        with moves.one():
            random.seed(seed)
            np.random.seed(seed)
        default_seeds().seed(seed)
        places.begin(seed)
        for adapter in backends.loaded():
            adapter.reseed(seed)
        state = global_seed_state()
        if state is not None:
            self._backend.write(state, np.array([seed & 0x7FFFFFFF, 0], dtype=self._value(state).dtype))

    def mark(self) -> tuple[Any, ...]:
        """Returns where all of them stand, for `return_to`."""
        state = global_seed_state()
        return (
            random.getstate(),
            np.random.get_state(legacy=False),
            default_seeds().getstate(),
            places.getstate(),
            [(adapter, adapter.mark()) for adapter in backends.loaded()],
            keras_seed.read(),
            None if state is None else self._value(state),
        )

    def return_to(self, mark: tuple[Any, ...]) -> None:
        """Puts all of them back to where `mark` found them."""
        python, numpy, seeds, begun, frameworks, of_keras, value = mark
        with moves.one():
            random.setstate(python)
            np.random.set_state(numpy)
        default_seeds().setstate(seeds)
        places.setstate(begun)
        for adapter, its_mark in frameworks:
            adapter.return_to(its_mark)
        keras_seed.write(of_keras)
        state = global_seed_state()
        if state is not None and value is not None and not np.array_equal(self._value(state), value):
            self._backend.write(state, value)

    def seeds_of(self, model: Any) -> dict[int, Array]:
        """Returns the states of a model's seed generators, by id of the variable."""
        held = pinning.held_state(model)
        if held is None:
            return {id(state): self._value(state) for state in pinning.seed_states(model)}
        return {id(state): self._backend.to_numpy(held[id(state)]).copy() for state in pinning.seed_states(model)}

    def put_seeds_back(self, model: Any, before: dict[int, Array]) -> None:
        """Puts the seed generators of a model back to where `seeds_of` found them.

        One that was made since then goes back to its first draw; one that was given another seed is left alone.
        """
        if pinning.held_state(model) is not None:
            # JAX's training loop still holds the state: what is in the variables meanwhile is overwritten by it.
            return
        for state in pinning.seed_states(model):
            now = self._value(state)
            wanted = before.get(id(state), np.array([now[0], 0], dtype=now.dtype))
            if now[0] == wanted[0] and now[1] != wanted[1]:
                self._backend.write(state, wanted)

    def _value(self, state: Any) -> Array:
        value = self._backend.host_value(state)
        assert value is not None, f"{state.path} has no value outside of a training step"
        return value.copy()


class Callbacks:
    """Gives the callbacks of a training generators of their own.

    Args:
        generators: The generators of the process.
        stream: The seed of the callbacks' own stream.
        model: The model that is trained.

    Attributes:
        stream: Where the callbacks' own stream stands, or the seed that it will begin with.
    """

    def __init__(self, generators: Generators, stream: int, model: Any) -> None:
        self._generators = generators
        self.stream: Any = stream
        self._model = model
        self._inside = False
        self._trained = False

    def single_step(self) -> None:
        """`train_on_batch` was called: if a callback did it, what it drew from the model's seeds is used up."""
        self._trained = True

    @contextlib.contextmanager
    def isolated(self, callbacks: Any) -> Iterator[None]:
        """Within, the user's callbacks draw from their own stream."""
        with contextlib.ExitStack() as leaving:
            for callback in pinning.user_callbacks(callbacks):
                for name in pinning.hooks_of(callback):
                    hook = getattr(callback, name)
                    leaving.enter_context(pinning.instance_attribute(callback, name, self._on_own_stream(hook)))
            yield

    def _on_own_stream(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(hook)
        def isolated(*args: Any, **kwargs: Any) -> Any:
            # A hook may call another one of its object.
            if self._inside:
                return hook(*args, **kwargs)
            mark, seeds = self._generators.mark(), self._generators.seeds_of(self._model)
            if isinstance(self.stream, int):
                self._generators.reseed(self.stream)
            else:
                self._generators.return_to(self.stream)
            self._inside, self._trained = True, False
            try:
                with moves.one():
                    return hook(*args, **kwargs)
            finally:
                self._inside = False
                if not self._trained:
                    self._generators.put_seeds_back(self._model, seeds)
                self.stream = self._generators.mark()
                self._generators.return_to(mark)

        return isolated
