"""The values of many variables of TensorFlow, read by one operation."""

from __future__ import annotations

import operator
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable

from samefit.backends.base import Array


class Reader:
    """Reads variables, mostly the same ones again and again.

    `_ReadVariablesOp` (TensorFlow 2.16 to 2.21) does what a `ReadVariableOp` for each would do. An operation takes some
    ten microseconds to be called, whatever it reads. It is called as it is: within a `tf.function` it would be as fast,
    but a function that is traced changes the names in graphs that come later, by which Grappler chooses.
    """

    def __init__(self) -> None:
        self._layout: _Layout | None = None

    def read(self, variables: Sequence[Any]) -> list[Array | None]:
        """Returns the values of some variables, which share the memory of the variables; None where one has no value.

        Args:
            variables: `tf.Variable`s, or None for one that is not made yet.
        """
        made = [variable for variable in variables if variable is not None]
        if len(made) < len(variables):
            values = iter(self.read(made))
            return [None if variable is None else next(values) for variable in variables]
        layout = self._layout
        if layout is None or not layout.is_of(variables):
            layout = self._layout = _Layout(variables)
        return layout.read(variables)


class _Layout:
    """What is the same whenever these variables are read: a step leaves nothing of it in the caches of a processor.

    Args:
        variables: The variables; they are not kept alive.
    """

    def __init__(self, variables: Sequence[Any]) -> None:
        self._references = [weakref.ref(variable) for variable in variables]
        # One that may change its shape while it lives has no shape here.
        self._shapes = [tuple(v.shape) if v.shape.is_fully_defined() else None for v in variables]
        places: dict[str, list[int]] = {}
        self._others = []
        for i, variable in enumerate(variables):
            if isinstance(variable, BaseResourceVariable):
                places.setdefault(variable.handle.device, []).append(i)
            else:
                self._others.append(i)
        self._groups = [(indices, _attributes([variables[i] for i in indices])) for indices in places.values()]

    def is_of(self, variables: Sequence[Any]) -> bool:
        """Whether it is that of these variables."""
        references = self._references
        return len(references) == len(variables) and all(
            map(operator.is_, (reference() for reference in references), variables)
        )

    def read(self, variables: Sequence[Any]) -> list[Array | None]:
        """Reads the variables."""
        found: list[Array | None] = [None] * len(variables)
        for i in self._others:
            found[i] = self._valued(i, variables[i], variables[i].value())
        for indices, attributes in self._groups:
            some = [variables[i] for i in indices]
            for i, variable, value in zip(indices, some, _read(some, attributes), strict=True):
                found[i] = self._valued(i, variable, value)
        return found

    def _valued(self, index: int, variable: Any, value: Any) -> Array | None:
        array = np.asarray(value)
        # A variable that is made inside a trace has no value before the trace has run: it reads as an empty array.
        if array.shape == self._shapes[index]:
            return array
        return array if variable.shape.is_compatible_with(array.shape) else None


def _attributes(variables: Sequence[BaseResourceVariable]) -> tuple[Any, ...]:
    dtypes = [variable.dtype.as_datatype_enum for variable in variables]
    return ("N", len(variables), "dtypes", dtypes)


def _read(variables: Sequence[BaseResourceVariable], attributes: tuple[Any, ...]) -> Sequence[Any]:
    """Reads variables of one device."""
    handles = [variable.handle for variable in variables]
    try:
        values: Sequence[Any] = execute.execute(
            b"_ReadVariablesOp", len(variables), inputs=handles, attrs=attributes, ctx=context.context()
        )
    except (tf.errors.FailedPreconditionError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
        # One of them has no value, or the operation, which is none of TensorFlow's public ones, is not there.
        return [tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype) for variable in variables]
    return values
