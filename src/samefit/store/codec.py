"""Records as JSON and back: one small codec for all frozen dataclasses; bytes stand as hexadecimal."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

import numpy as np

_T = TypeVar("_T")


def to_json(record: Any) -> str:
    """Returns a dataclass instance as JSON text; floats that are not finite as Python writes them (NaN, Infinity)."""
    return json.dumps(_plain(record), separators=(",", ":"))


def from_json(cls: type[_T], text: str) -> _T:
    """Returns the instance of the dataclass `cls` that `to_json` wrote."""
    value: _T = build(cls, json.loads(text))
    return value


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value


@cache
def _hints(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def build(wanted: Any, value: Any) -> Any:
    """Returns what `_plain` made plain: `value` as an instance of the annotation `wanted`."""
    if value is None or wanted is Any:
        return value
    origin = typing.get_origin(wanted)
    if origin in (typing.Union, types.UnionType):
        return build(next(arg for arg in typing.get_args(wanted) if arg is not type(None)), value)
    if dataclasses.is_dataclass(wanted):
        hints = _hints(typing.cast(type, wanted))
        return wanted(**{name: build(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if wanted is bytes:
        return bytes.fromhex(value)
    if isinstance(wanted, type) and issubclass(wanted, StrEnum):
        return wanted(value)
    if origin is tuple:
        return tuple(build(typing.get_args(wanted)[0], item) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        return {key: build(typing.get_args(wanted)[1], item) for key, item in value.items()}
    return value
