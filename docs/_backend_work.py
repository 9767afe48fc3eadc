"""What one process of `_backend_differences.py` computes: all items on one backend, in one precision."""

from __future__ import annotations

import contextlib
import functools
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np


def work(way: str, out: Path, numbers: list[str]) -> None:
    """Computes items on the backend of this process, and writes the arrays.

    Args:
        way: "float32", "float64", or "moved": float32 values that are one unit in the last place off.
        out: The file to write.
        numbers: Numbers of the items; all if there are none.
    """
    import keras
    from _backend_items import items

    import samefit
    from samefit import backends
    from samefit.patches.patching import Patches
    from samefit.patches.precision import keep_float64
    from samefit.patches.updates import keep_updates_last

    if way == "float64":
        keras.config.set_floatx("float64")
        keep_float64(Patches())
    backend = backends.load(keras.config.backend())
    keep_updates_last(Patches(), backend.completed)
    version = f"{keras.config.backend()} {backend.version()} (Keras {keras.__version__})"
    found: dict[str, Any] = {"version/text": np.array(version)}
    for number, item in enumerate(items()):
        if numbers and str(number) not in numbers:
            continue
        try:
            # Layers that draw are made to draw the same.
            with samefit.pinned(3) if "training" in item.call else contextlib.nullcontext():
                computed = _optimized(item, way) if item.kind == "optimizer" else _differentiated(item, way)
        except Exception as error:  # that a backend cannot do it is a finding, and stands in the table
            found[f"{number}/error"] = np.array(_shown(error))
            continue
        for name, value in computed.items():
            found[f"{number}/{name}"] = np.asarray(value)
    np.savez(out, **found)


_EMPTY = ("Exception encountered when calling", "Graph execution error", "Detected at node", "File ")


def _shown(error: Exception) -> str:
    """Returns type and first line of an error, without colours and without the line that names the layer."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith(_EMPTY)]
    return f"{type(error).__name__}: {said[0] if said else ''}"[:200]


def _value(array: Any, way: str) -> Any:
    """Returns an array in the precision of a way; "moved" is one unit in the last place off."""
    array = np.asarray(array)
    if array.dtype.kind != "f":
        return array
    if way == "float64":
        # The values that float32 has, or the inputs would differ.
        return array.astype("float32").astype("float64")
    narrow = array.astype("float32")
    if way != "moved":
        return narrow
    towards = np.where(np.arange(narrow.size).reshape(narrow.shape) % 2, np.inf, -np.inf).astype("float32")
    return np.where(narrow == 0, narrow, np.nextafter(narrow, towards))


@functools.cache
def _probe() -> Any:
    import keras

    class Probe(keras.layers.Layer):  # type: ignore[misc]
        """An input that is a weight: its change in a step is its gradient."""

        def __init__(self, value: Any) -> None:
            super().__init__()
            self.value = self.add_weight(shape=value.shape, initializer=lambda shape, dtype: value)

        def call(self, x: Any) -> Any:
            return keras.ops.convert_to_tensor(self.value)

    return Probe


def _differentiated(item: Any, way: str) -> dict[str, Any]:
    """Returns output or loss of a layer, an activation or a loss, and all its gradients."""
    import keras

    # Without the garbage collection, which takes a second.
    keras.utils.clear_session(free_memory=False)
    arrays = [[_value(a, way) for a in x] if isinstance(x, list) else _value(x, way) for x in item.inputs]
    if not item.differentiated:
        return {"output": keras.ops.convert_to_numpy(item.make()(*arrays, **item.call))}
    batch = len(arrays[0][0] if isinstance(arrays[0], list) else arrays[0])
    entry = keras.Input((1,), batch_size=batch)
    feeds: list[Any] = [np.zeros((batch, 1), "float32")]
    entries = [entry]

    def node(array: Any) -> Any:
        if array.dtype.kind == "f":
            return _probe()(array)(entry)
        entries.append(keras.Input(array.shape[1:], batch_size=batch, dtype=str(array.dtype)))
        feeds.append(array)
        return entries[-1]

    nodes = [[node(a) for a in x] if isinstance(x, list) else node(x) for x in arrays]
    found = {}
    # What is given by the user is no input that rounding could move.
    exact = "float64" if way == "float64" else "float32"
    if item.kind == "loss":
        model = keras.Model(entries, nodes[0])
        model.compile(keras.optimizers.SGD(1.0), item.make())
        target = _value(item.target, exact)
    else:
        layer = item.make()
        model = keras.Model(entries, layer(*nodes, **item.call))
        _set_weights(layer, way)
        found["output"] = np.asarray(model.predict_on_batch(feeds))
        target = _value(np.random.Generator(np.random.PCG64(3)).normal(size=found["output"].shape), exact)
        model.compile(keras.optimizers.SGD(1.0), lambda y, p: keras.ops.sum(y * p))
    if not model.trainable_weights:
        return found
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.weights]
    result = model.train_on_batch(feeds, target)
    if item.kind == "loss":
        found["loss"] = result[0] if isinstance(result, list | tuple) else result
    trained = {id(v) for v in model.trainable_weights}
    for number, (variable, value) in enumerate(zip(model.weights, before, strict=True)):
        after = keras.ops.convert_to_numpy(variable)
        name = "gradient" if id(variable) in trained else "state"
        found[f"{name} {number}"] = value.astype("float64") - after if name == "gradient" else after
    return found


def _set_weights(layer: Any, way: str) -> None:
    generator = np.random.Generator(np.random.PCG64(5))
    for variable in layer.weights:
        value = 0.3 * generator.normal(size=tuple(variable.shape))
        if "variance" in variable.path or "gamma" in variable.path:
            value = np.abs(value) + 0.5
        if "float" in str(variable.dtype):
            variable.assign(_value(value, way))


def _optimized(item: Any, way: str) -> dict[str, Any]:
    """Returns the weights after each of five updates."""
    import keras

    keras.utils.clear_session(free_memory=False)
    start = _value(item.inputs[0], way)
    entry = keras.Input((1,), batch_size=len(start))
    model = keras.Model(entry, _probe()(start)(entry))
    model.compile(item.make(), lambda y, p: keras.ops.sum(y * p))
    generator = np.random.Generator(np.random.PCG64(11))
    found = {}
    for step in range(5):
        gradient = _value(generator.normal(size=start.shape), "float64" if way == "float64" else "float32")
        model.train_on_batch(np.zeros((len(start), 1), "float32"), gradient)
        found[f"update {step + 1}"] = keras.ops.convert_to_numpy(model.weights[0]).astype("float64") - start
    return found


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]), sys.argv[3].split(",") if sys.argv[3] else [])
