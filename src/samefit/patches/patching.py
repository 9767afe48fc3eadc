"""Reversible replacement of attributes: put in place once, checked and put back on leaving."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from types import FunctionType
from typing import Any

from samefit.errors import KerasChanged

_ABSENT = object()


class Patches:
    """Attributes that were replaced, in order, and can be put back.

    A patch that finds its attribute missing raises `KerasChanged` with the name, what relied on it and what to do:
    a hook that silently is not there would be a false "identical".

    Args:
        passing: Whether functions that are still called after `undo` call through to what they replaced: a library that
            wraps `fit` meanwhile (to log it) keeps what it found. Not for observers that fall silent by themselves.
    """

    def __init__(self, *, passing: bool = False) -> None:
        self._passing = passing
        self._in_place = True
        self._applied: list[tuple[object, str, Any, Any]] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any], *, checked_on: str) -> None:
        """Replaces `owner.name` by `make(original)`.

        Args:
            owner: A module or a class.
            name: The attribute; it must exist.
            make: Gets the original, returns the replacement.
            checked_on: Versions on which this touch was checked, for the message if it is not there any more.

        Raises:
            KerasChanged: If `owner` has no such attribute.
        """
        original = getattr(owner, name, _ABSENT)
        if original is _ABSENT:
            raise KerasChanged(
                f"{getattr(owner, '__name__', owner)}.{name} is not there any more (checked on {checked_on}): "
                "this version is newer than samefit knows; upgrade samefit or install a checked version."
            )
        # What stands in the owner's own namespace is put back as it is; what was inherited is deleted again.
        own = vars(owner).get(name, _ABSENT)
        replacement = make(original)
        if self._passing and isinstance(replacement, FunctionType):
            replacement = self._switched(original, replacement)
        setattr(owner, name, replacement)
        self._applied.append((owner, name, own, replacement))

    def change_class(self, owner: Any, make: Callable[[Any], type]) -> None:
        """Makes `owner` an object of the class `make(its class)`.

        Args:
            owner: A module: reading an attribute of one can be watched in no other way.
            make: Gets the class, returns the replacement.
        """
        original = type(owner)
        replacement = make(original)
        owner.__class__ = replacement
        self._applied.append((owner, "__class__", original, replacement))

    def _switched(self, original: Any, replacement: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(replacement)
        def switched(*args: Any, **kwargs: Any) -> Any:
            return (replacement if self._in_place else original)(*args, **kwargs)

        return switched

    def undo(self) -> None:
        """Puts everything back, last first.

        What somebody else has replaced meanwhile is left as it is, and a warning names it.
        """
        self._in_place = False
        foreign = []
        while self._applied:
            owner, name, own, replacement = self._applied.pop()
            now = type(owner) if name == "__class__" else vars(owner).get(name, _ABSENT)
            if now is not replacement:
                foreign.append(f"{getattr(owner, '__name__', owner)}.{name}")
            elif own is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
        if foreign:
            warnings.warn(
                f"{', '.join(dict.fromkeys(foreign))}: replaced by other code while samefit had replaced it, and left "
                "as it is now.",
                RuntimeWarning,
                stacklevel=2,
            )
