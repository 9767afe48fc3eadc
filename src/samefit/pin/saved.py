"""A checkpoint on disk: one file, replaced as a whole, plain data only."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from samefit.errors import CheckpointError

_VERSION = 2
_ARRAY = "array"
_KERAS = "keras."
_PLAIN = (bool, int, float, str, type(None))

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Saved:
    """Everything that a training needs to go on.

    Attributes:
        seed: The seed of the pinned scope.
        training: Number of the training among those of its model.
        epoch: 0-based epoch in which it goes on.
        step: Steps of that epoch that are done.
        stopped: Whether a callback has ended the training.
        paths: Paths of the variables, in order.
        variables: Their values, in the same order.
        optimizers: For each optimizer the places of the variables that it was built for; None if it was not built.
        generators: States of the process's generators.
        callbacks: For each callback its class and its attributes that are plain data.
    """

    seed: int
    training: int
    epoch: int
    step: int
    stopped: bool
    paths: tuple[str, ...]
    variables: tuple[Array, ...]
    optimizers: tuple[list[int] | None, ...]
    generators: Mapping[str, Any]
    callbacks: tuple[tuple[str, Mapping[str, Any]], ...] = field(default=())

    def write(self, file: Path) -> None:
        """Writes the file: a process that is killed meanwhile leaves the one that was there."""
        arrays: dict[str, Array] = {}
        document = {
            **asdict(self),
            "version": _VERSION,
            "paths": list(self.paths),
            "variables": [_packed(value, arrays) for value in self.variables],
            "generators": _packed(self.generators, arrays),
            "callbacks": _packed(list(self.callbacks), arrays),
        }
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{file.name}.part")
        with part.open("wb") as stream:
            stream.write(save(arrays, metadata={"samefit": json.dumps(document)}))
            stream.flush()
            # The new name must not be on disk before what it names.
            os.fsync(stream.fileno())
        os.replace(part, file)


def read(file: Path) -> Saved | None:
    """Reads a checkpoint; None if there is none.

    Raises:
        CheckpointError: If the file is none of ours, or damaged.
    """
    if not file.exists():
        return None
    try:
        with safe_open(file, framework="numpy") as opened:
            document = json.loads((opened.metadata() or {})["samefit"])
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{file} is not a checkpoint of samefit, or is damaged: remove it to begin anew."
        ) from error
    if document.pop("version") != _VERSION:
        raise CheckpointError(f"{file} was written by another version of samefit: remove it to begin anew.")
    return Saved(
        **{
            **document,
            "paths": tuple(document["paths"]),
            "optimizers": tuple(document["optimizers"]),
            "variables": tuple(_unpacked(value, arrays) for value in document["variables"]),
            "generators": _unpacked(document["generators"], arrays),
            "callbacks": tuple((name, values) for name, values in _unpacked(document["callbacks"], arrays)),
        }
    )


def is_plain(value: Any) -> bool:
    """Whether a value can be saved: numbers, texts, arrays, functions of Keras, and lists and dictionaries of them."""
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return type(value) is dict and all(isinstance(key, (str, int)) for key in value) and is_plain([*value.values()])
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype != object
    return isinstance(value, _PLAIN) or _is_of_keras(value)


def _is_of_keras(value: Any) -> bool:
    """Whether a value is a function of Keras: its monitoring callbacks choose one when the first epoch ends."""
    if not (inspect.isfunction(value) and str(value.__module__ or "").startswith(_KERAS)):
        return False
    return getattr(sys.modules.get(value.__module__), value.__name__, None) is value


def _packed(value: Any, arrays: dict[str, Array]) -> Any:
    """Returns a value as JSON; arrays, also those of one number, go to `arrays` as bytes."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        name = str(len(arrays))
        arrays[name] = np.frombuffer(array.tobytes(), dtype=np.uint8)
        return {_ARRAY: name, "dtype": array.dtype.name, "shape": array.shape, "scalar": isinstance(value, np.generic)}
    if isinstance(value, Mapping):
        return {"dict": [[key, _packed(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"tuple" if isinstance(value, tuple) else "list": [_packed(item, arrays) for item in value]}
    if _is_of_keras(value):
        return {"function": [value.__module__, value.__name__]}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    return value


def _unpacked(value: Any, arrays: Mapping[str, Array]) -> Any:
    if not isinstance(value, Mapping):
        return value
    if _ARRAY in value:
        if value["dtype"] == "bfloat16":
            import ml_dtypes  # noqa: F401 - makes the name known to NumPy; it comes with Keras
        data = arrays[value[_ARRAY]].tobytes()
        array = np.frombuffer(data, dtype=np.dtype(value["dtype"])).reshape(value["shape"]).copy()
        return array[()] if value["scalar"] else array
    if "dict" in value:
        return {key: _unpacked(item, arrays) for key, item in value["dict"]}
    if "function" in value:
        module, name = value["function"]
        if not module.startswith(_KERAS):
            raise ValueError(f"a checkpoint holds no function of {module}")
        return getattr(importlib.import_module(module), name)
    if "bytes" in value:
        return bytes.fromhex(value["bytes"])
    kind = tuple if "tuple" in value else list
    return kind(_unpacked(item, arrays) for item in value[kind.__name__])
