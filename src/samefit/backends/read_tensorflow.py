"""The values of many variables of TensorFlow, read by one operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context, execute
from tensorflow.python.ops.resource_variable_ops import BaseResourceVariable

from samefit.backends.base import Array


def read_all(variables: Sequence[Any]) -> list[Array | None]:
    """Returns the values of some variables, which share the memory of the variables; None where one has no value.

    `_ReadVariablesOp` (TensorFlow 2.16 to 2.21) does what a `ReadVariableOp` for each would do. An operation takes some
    ten microseconds to be called, whatever it reads. It is called as it is: within a `tf.function` it would be as fast,
    but a function that is traced changes the names in graphs that come later, by which Grappler chooses.

    Args:
        variables: `tf.Variable`s, or None for one that is not made yet.
    """
    found: list[Array | None] = [None] * len(variables)
    places: dict[str, list[int]] = {}
    for i, variable in enumerate(variables):
        if isinstance(variable, BaseResourceVariable):
            places.setdefault(variable.handle.device, []).append(i)
        elif variable is not None:
            found[i] = _valued(variable, variable.value())
    for indices in places.values():
        some = [variables[i] for i in indices]
        for i, variable, value in zip(indices, some, _read(some), strict=True):
            found[i] = _valued(variable, value)
    return found


def _read(variables: Sequence[BaseResourceVariable]) -> Sequence[Any]:
    """Reads variables of one device."""
    dtypes = [variable.dtype.as_datatype_enum for variable in variables]
    attributes = ("N", len(variables), "dtypes", dtypes)
    handles = [variable.handle for variable in variables]
    try:
        values: Sequence[Any] = execute.execute(
            b"_ReadVariablesOp", len(variables), inputs=handles, attrs=attributes, ctx=context.context()
        )
    except (tf.errors.FailedPreconditionError, tf.errors.NotFoundError, tf.errors.InvalidArgumentError):
        # One of them has no value, or the operation, which is none of TensorFlow's public ones, is not there.
        return [tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype) for variable in variables]
    return values


def _valued(variable: Any, value: Any) -> Array | None:
    array = np.asarray(value)
    # A variable that is made inside a trace has no value before the trace has run: it reads as an empty array.
    shape = variable.shape
    # The quick answer first; one that may change its shape while it lives has None in it.
    known = shape.rank is not None and array.shape == tuple(shape)
    return array if known or shape.is_compatible_with(array.shape) else None
