"""What a step that is looked at begins with, where that is not what there is: values, gradients, the batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from samefit.backends.base import Array, Backend, Delivered
from samefit.nested import flatten
from samefit.patches.inside import tensor_of
from samefit.record.batches import NO_NUMBERS
from samefit.store.arrays import load_arrays
from samefit.store.inside import Look
from samefit.store.records import VariableRecord
from samefit.transplant.ulp import UnitOff
from samefit.types import Role


class Beginning:
    """What a step that is looked at begins with, where that is not what there is."""

    def __init__(self, look: Look, home: Path) -> None:
        self._pairs = look.pairs
        self._unit = UnitOff() if look.perturb else None
        self._values = _named(home / look.state, "before/") if look.state else {}
        self._is_given = bool(look.state)
        named = _named(home / look.gradients, "gradient/") if look.gradients else {}
        pairs = look.pairs or {path: path for path in named}
        self.gradients = {mine: named[theirs] for mine, theirs in pairs.items() if theirs in named}

    def missing(self, variables: Sequence[VariableRecord]) -> str:
        """Returns the path of a variable that begins as it is, and not as it is to; "" if there is none.

        Seeds are in no file: a pin makes them equal, or the masks are seen to differ.
        """
        if not self._is_given:
            return ""
        wanted = (v.path for v in variables if v.role is not Role.SEED and (not self._pairs or v.path in self._pairs))
        return next((path for path in wanted if self._pairs.get(path, path) not in self._values), "")

    def value(self, path: str | None, value: Array) -> Array:
        """Returns what a variable begins with, which has `value`; None stands for one that is not recorded."""
        if path is None:
            return value
        there = self._values.get(self._pairs.get(path, path))
        if there is not None:
            value = np.asarray(there).astype(value.dtype)
        return value if self._unit is None else self._unit.off(path, value)


def arrays_of(backend: Backend, batch: Any) -> dict[str, Array]:
    """Returns the arrays of a batch, named "batch/<position>" in the order of its leaves, as far as they are numbers.

    Args:
        backend: The adapter of Keras's backend.
        batch: What a step is given, as `Backend.step_in_depth` takes it.
    """
    arrays = {f"batch/{i}": backend.to_numpy(leaf) for i, leaf in enumerate(_leaves(batch)) if leaf is not None}
    return {name: array.copy() for name, array in arrays.items() if array.dtype.kind not in NO_NUMBERS}


def with_arrays(backend: Backend, batch: Any, arrays: Mapping[str, Array]) -> Any:
    """Returns a batch with the values of another one, in the form and the dtypes that it has.

    Args:
        backend: The adapter of Keras's backend.
        batch: As for `arrays_of`.
        arrays: What that returned for the other one.

    Raises:
        ValueError: If the other batch is not of its form.
    """
    own = arrays_of(backend, batch)
    shapes = [{name: array.shape for name, array in found.items()} for found in (own, arrays)]
    if shapes[0] != shapes[1]:
        raise ValueError("the baseline's batch is of another form")
    if isinstance(batch, Delivered):
        return replace(batch, leaves=[arrays[name].astype(value.dtype) for name, value in own.items()])
    return _rebuilt(batch, arrays, itertools.count())


def batch_in(file: Path) -> dict[str, Array]:
    """Returns the batch that a look kept in its file."""
    return {f"batch/{name}": array for name, array in _named(file, "batch/").items()}


def _named(file: Path, kind: str) -> dict[str, Array]:
    """Returns the arrays of one kind from the file of a look, by what follows it in their names."""
    return {key.removeprefix(kind): value for key, value in load_arrays(file).items() if key.startswith(kind)}


def _leaves(batch: Any) -> list[Any]:
    if batch is None:
        return []
    return list(batch.leaves) if isinstance(batch, Delivered) else [leaf for _, leaf in flatten(batch)]


def _rebuilt(data: Any, arrays: Mapping[str, Array], numbers: Iterator[int]) -> Any:
    """Replaces the leaves in the order of `flatten`."""
    if isinstance(data, Mapping):
        return {**data, **{key: _rebuilt(data[key], arrays, numbers) for key in sorted(data, key=str)}}
    if isinstance(data, (list, tuple)):
        end = max((i + 1 for i, item in enumerate(data) if item is not None), default=0)
        items = [_rebuilt(item, arrays, numbers) for item in data[:end]] + list(data[end:])
        return tuple(items) if isinstance(data, tuple) else items
    name = f"batch/{next(numbers)}"
    return tensor_of(arrays[name], data) if name in arrays else data
