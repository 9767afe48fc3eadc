"""A large array as blocks that are digested each by itself, so that it can be done where the array lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

BLOCK = 1 << 17
"""Bytes of a block. xxh3 leaves the interpreter to other threads from 100,000 bytes on."""


@dataclass(frozen=True)
class Blocks:
    """What the digest of an array of one block and more is made from.

    Attributes:
        dtype: Its type.
        shape: Its shape.
        digests: xxh3_128 of each whole block, 16 bytes each.
        rest: The bytes behind the last whole block.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    digests: Iterable[bytes]
    rest: bytes | memoryview
