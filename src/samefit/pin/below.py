"""Copies that the framework makes by itself, past Keras: `load_state_dict`, `copy_`, `assign` of a `tf.Variable`."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from samefit import backends
from samefit.attribution import behind_hooks, kind_of
from samefit.by_object import ByObject
from samefit.patches.copying import watch_copying, watch_moving

if TYPE_CHECKING:
    from samefit.pin.copies import Copies
    from samefit.pin.scope import PinScope


def pin_copies_below(
    scope: PinScope, variables: ByObject[bool], copies: Copies, assigned: Callable[[Any, Any], None]
) -> None:
    """Watches what the framework writes into the tensors of variables, and where it moves them.

    Args:
        scope: The scope.
        variables: The variables that were made in it.
        copies: Knows where they had their values.
        assigned: Is told of each that was written to, and what: another variable where it is the tensor of one.
    """
    holders = Holders(scope.backend, variables)

    def written(target: Any, value: Any, frame: FrameType) -> None:
        variable = None if _is_known(frame) else holders.of(target)
        if variable is not None:
            source = holders.of(value)
            assigned(variable, value if source is None else source)

    watch_copying(scope.patches, scope.backend, written)
    watch_moving(scope.patches, scope.backend, lambda: copies.moving(variables.things()))


def _is_known(frame: FrameType) -> bool:
    """Whether a call comes from Keras, whose `assign` is watched itself, or from samefit."""
    code = behind_hooks(frame).f_code
    return kind_of(code) == "own" or "/keras/src/" in code.co_filename.replace("\\", "/")


class Holders:
    """Knows which variable a tensor is the value of.

    Args:
        backend: Name of Keras's backend.
        variables: All variables that it may be of.
    """

    def __init__(self, backend: str, variables: ByObject[bool]) -> None:
        self._adapter = backends.load(backend)
        self._variables = variables
        self._by_memory: dict[int, weakref.ref[Any]] = {}
        # How many there were when they were looked at last; None if one of these had no value yet.
        self._looked_at: int | None = None

    def of(self, tensor: Any) -> Any | None:
        """Returns the variable of a tensor, or of one that shares its memory; None if there is none."""
        memory = self._adapter.memory(tensor)
        if memory is None:
            return None
        found = self._among_known(memory)
        if found is None and self._looked_at != self._variables.made:
            self._look()
            found = self._among_known(memory)
        return found

    def _among_known(self, memory: int) -> Any | None:
        reference = self._by_memory.get(memory)
        variable = None if reference is None else reference()
        # Memory of what is gone is used again.
        return variable if variable is not None and self._adapter.memory(variable._value) == memory else None

    def _look(self) -> None:
        self._by_memory.clear()
        complete = True
        for variable in self._variables.things():
            # One that is being made now has no such attribute yet.
            value = getattr(variable, "_value", None)
            if value is None:
                complete = False
            elif (memory := self._adapter.memory(value)) is not None:
                self._by_memory[memory] = weakref.ref(variable)
        self._looked_at = self._variables.made if complete else None
