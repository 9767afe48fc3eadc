"""One pass in inference, one in training and one back, on given data, operation by operation.

Nothing is compiled: a compiler may fuse the operations of two builds in two ways, and then the last bits would say
something about the compiler and not about the model. Seeds are the same before every pass, whatever the model drew
while it was built, and everything is put back afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samefit.backends.base import Array, Backend
from samefit.patches import dataflow, keras_seed, pin_layers
from samefit.patches.layers import watch_outputs
from samefit.patches.patching import Patches
from samefit.pin.isolation import Generators
from samefit.probe.data import Data
from samefit.store.digest import state_digest
from samefit.store.probes import thinned
from samefit.types import Role

_SEED = 1
_SILENT = "backward-inference"
"""The way back in inference: nothing is drawn, so it can be compared across backends."""


@dataclass
class Results:
    """What came out: arrays and digests by name, and the passes that failed."""

    arrays: dict[str, Array] = field(default_factory=dict)
    digests: dict[str, bytes] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    ran: list[Any] = field(default_factory=list)

    def add(self, name: str, array: Array, *, keep: bool = True) -> None:
        """Adds an array."""
        self.digests[name] = state_digest(array)
        if keep:
            self.arrays[name] = thinned(array)


class Passes:
    """Runs one model.

    Args:
        model: A Keras model.
        data: What goes in.
        backend: The adapter of Keras's backend.
    """

    def __init__(self, model: Any, data: Data, backend: Backend) -> None:
        self._model = model
        self._data = data
        self._backend = backend
        self._generators = Generators(backend.name)

    def inputs(self) -> Any:
        """Returns the inputs as tensors."""
        return self._data.inputs(_tensor)

    def first(self) -> list[Any]:
        """Runs the model once, which builds it if it is not built; returns its layers as they ran."""
        ran: list[Any] = []
        # Some models draw in inference as well.
        variables = list(self._model.variables) if self._model.built else []
        before = self.values(variables)
        with self._kept_apart(), _watched(lambda layer, output, masked: ran.append(layer)):
            self._call(self.inputs(), training=False)
        self.write(variables, before)
        inside = {id(layer) for layer in _all_layers(self._model)}
        return [layer for layer in ran if id(layer) in inside]

    def run(self, layers: Sequence[Any], variables: Sequence[Any], roles: Sequence[Role], prefix: str = "") -> Results:
        """Runs all passes.

        Args:
            layers: The layers whose outputs are kept, in the order of their numbers.
            variables: The variables whose gradients and new values are kept, likewise.
            roles: Their roles.
            prefix: What stands before all names.
        """
        results = Results()
        before = self.values(variables)
        states = [i for i, role in enumerate(roles) if role is not Role.TRAINABLE]
        for name, work in (
            ("inference", lambda: self._forward(results, f"{prefix}inference", layers, training=False)),
            ("training", lambda: self._training(results, f"{prefix}training", layers, variables, states)),
            ("backward", lambda: self._backward(results, f"{prefix}backward", variables, training=True)),
            (_SILENT, lambda: self._backward(results, f"{prefix}{_SILENT}", variables, training=False)),
        ):
            if name == _SILENT and Role.SEED not in roles:
                continue
            with self._kept_apart():
                try:
                    work()
                except Exception as error:  # the user's `call` may do anything; the pass is reported as failed
                    results.failed[name] = in_short(error)
                finally:
                    self.write(variables, before)
        return results

    def values(self, variables: Sequence[Any]) -> list[Array]:
        """Returns copies of the values of variables."""
        return [np.array(self._backend.host_value(variable)) for variable in variables]

    def write(self, variables: Sequence[Any], values: Sequence[Array]) -> None:
        """Puts values into variables."""
        for variable, value in zip(variables, values, strict=True):
            self._backend.write(variable, value)

    @contextlib.contextmanager
    def _kept_apart(self) -> Iterator[None]:
        mark = self._generators.mark()
        seeded = pin_layers.unseeded_generators(self._model)
        # Not `keras.utils.set_random_seed`, which brings TensorFlow into the process.
        keras_seed.begin(_SEED)
        self._generators.reseed(_SEED)
        for generator in seeded:
            pin_layers.use_own_seed(generator, _SEED)
        try:
            with warnings.catch_warnings():
                # What a model warns of on data that it was not made for is nothing to the user.
                warnings.simplefilter("ignore")
                yield
        finally:
            for generator in seeded:
                pin_layers.use_own_seed(generator, None)
            self._generators.return_to(mark)

    def _call(self, inputs: Any, *, training: bool) -> Any:
        if dataflow.takes_training(self._model):
            return self._model(inputs, training=training)
        return self._model(inputs)

    def _forward(self, results: Results, name: str, layers: Sequence[Any], *, training: bool) -> Any:
        number = {id(layer): i for i, layer in enumerate(layers)}
        calls: dict[int, int] = {}

        def observe(layer: Any, output: Any, masked: bool) -> None:
            place = number.get(id(layer))
            if place is None:
                return
            call = calls[place] = calls.get(place, -1) + 1
            for leaf in dataflow.leaves(output):
                if hasattr(leaf, "shape") and self._backend.is_concrete(leaf):
                    results.add(f"{name}/layer/{place}/{call}", self._numpy(leaf), keep=False)
                    break
            results.add(f"{name}/mask/{place}/{call}", np.array(masked), keep=False)

        with _watched(observe):
            outputs = self._call(self.inputs(), training=training)
        for i, output in enumerate(dataflow.leaves(outputs)):
            results.add(f"{name}/output/{i}", self._numpy(output))
        return outputs

    def _training(
        self, results: Results, name: str, layers: Sequence[Any], variables: Sequence[Any], states: Sequence[int]
    ) -> None:
        self._forward(results, name, layers, training=True)
        for i in states:
            results.add(f"{name}/state/{i}", self.values([variables[i]])[0])

    def _backward(self, results: Results, name: str, variables: Sequence[Any], *, training: bool) -> None:
        trained = {id(variable) for variable in self._model.trainable_variables}
        positions = [i for i, variable in enumerate(variables) if id(variable) in trained]
        loss, gradients = self._backend.gradients(
            functools.partial(self._loss, training=training), [variables[i] for i in positions]
        )
        results.add(f"{name}/loss", np.asarray(loss))
        for i, gradient in zip(positions, gradients, strict=True):
            # On JAX a weight that the loss does not depend on has a gradient of zeros; so it has elsewhere.
            value = np.zeros(tuple(variables[i].shape), np.float32) if gradient is None else np.asarray(gradient)
            results.add(f"{name}/gradient/{i}", value)

    def _loss(self, *, training: bool) -> Any:
        import keras

        inputs = self.inputs()
        outputs = self._call(inputs, training=training)
        if self._data.targets:
            return self._model.compute_loss(x=inputs, y=self._data.wanted(_tensor), y_pred=outputs, training=training)
        random = np.random.default_rng(_SEED)
        parts = [keras.ops.cast(loss, "float32") for loss in self._model.losses]
        for output in dataflow.leaves(outputs):
            if "float" in keras.backend.standardize_dtype(output.dtype):
                # Every element of every output counts, each with a weight of its own: no two of them cancel.
                weights = random.standard_normal(tuple(output.shape), dtype=np.float32)
                parts.append(keras.ops.mean(keras.ops.cast(output, "float32") * keras.ops.convert_to_tensor(weights)))
        if not parts:
            raise TypeError("no output of the model is a number with a fraction: there is no gradient")
        return sum(parts[1:], parts[0])

    def _numpy(self, value: Any) -> Array:
        return np.asarray(self._backend.to_numpy(value))


def moved(values: Sequence[Array], roles: Mapping[int, Role], precision: float) -> list[Array]:
    """Returns values that are one rounding off: each number up or down, by chance from a fixed seed.

    Args:
        values: Values of variables, or data.
        roles: Role of each by position; seeds and counters stay. Positions without a role are data.
        precision: Relative size of a rounding, 2**-23 for float32.
    """
    random = np.random.default_rng(_SEED)
    result = []
    for i, value in enumerate(values):
        if roles.get(i) is Role.SEED or value.dtype.kind in "iubSUO":
            result.append(value)
            continue
        sign = random.integers(0, 2, value.shape) * 2 - 1
        result.append((value.astype(np.float64) * (1 + sign * precision)).astype(value.dtype))
    return result


@contextlib.contextmanager
def _watched(observe: Callable[[Any, Any, bool], None]) -> Iterator[None]:
    patches = Patches()
    watch_outputs(patches, observe)
    try:
        yield
    finally:
        patches.undo()


def _tensor(array: Array) -> Any:
    import keras

    return keras.ops.convert_to_tensor(array)


def _all_layers(layer: Any) -> list[Any]:
    return [layer, *(inner for child in dataflow.sublayers(layer) for inner in _all_layers(child))]


def in_short(error: Exception) -> str:
    """Returns the class and the first line of what an exception says, without what Keras writes around it."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Exception encountered when calling")] or lines
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
