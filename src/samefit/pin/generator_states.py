"""Where all generators of a process stand, as plain data that another process can put back."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import numpy as np

from samefit import backends
from samefit.patches import keras_seed
from samefit.patches.default_seeds import default_seeds
from samefit.pin.isolation import Callbacks, Generators
from samefit.pin.places import places


class GeneratorStates:
    """Reads and writes the states of Python's, NumPy's, the frameworks' and Keras's generators.

    Args:
        backend: Name of Keras's backend.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backends.load(backend)
        self._generators = Generators(backend)

    def read(self, callbacks: Callbacks) -> dict[str, Any]:
        """Returns where the generators stand, and where the callbacks' own stream stands."""
        states = self._read()
        if isinstance(callbacks.stream, int):
            return {**states, "callbacks": callbacks.stream}
        here = self._generators.mark()
        self._generators.return_to(callbacks.stream)
        states["callbacks"] = self._read()
        self._generators.return_to(here)
        return states

    def write(self, states: Mapping[str, Any], callbacks: Callbacks) -> None:
        """Puts the generators, and the callbacks' own stream, to where `read` found them."""
        stream = states["callbacks"]
        if not isinstance(stream, int):
            self._write(stream)
            stream = self._generators.mark()
        callbacks.stream = stream
        self._write(states)

    def _read(self) -> dict[str, Any]:
        state = keras_seed.global_seed_state()
        frameworks = {adapter.name: adapter.generator_state() for adapter in backends.loaded()}
        return {
            "python": random.getstate(),
            "numpy": np.random.get_state(legacy=False),
            "default seeds": default_seeds().getstate(),
            "places": places.getstate(),
            "frameworks": {name: value for name, value in frameworks.items() if value is not None},
            "keras": None if state is None else self._value(state),
        }

    def _write(self, states: Mapping[str, Any]) -> None:
        random.setstate(states["python"])
        np.random.set_state(states["numpy"])
        default_seeds().setstate(states["default seeds"])
        # Older checkpoints have none.
        places.setstate(states.get("places", places.getstate()))
        for adapter in backends.loaded():
            # A framework that was not imported when the checkpoint was written has the state of its seed.
            if adapter.name in states["frameworks"]:
                adapter.set_generator_state(states["frameworks"][adapter.name])
        if states["keras"] is not None:
            self._backend.write(keras_seed.made_global_seed_state(), states["keras"])

    def _value(self, state: Any) -> Any:
        value = self._backend.host_value(state)
        assert value is not None, f"{state.path} has no value between two steps"
        return value.copy()
