"""What a pinned scope knows about the variables and seed generators that were made in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash

from samefit.backends.base import Array


@dataclass
class Weight:
    """A variable whose first value may be random.

    Attributes:
        number: How many were made in the scope before it.
        initializer: What makes its first value.
        keras: Whether that is one of Keras's random initialisers; otherwise it is code of somebody else.
        explicit: Whether its value is the user's choice: by a seed that they gave, or because they assigned it.
        drew: Whether the foreign code was seen to draw.
        first: The key of the value that it is made with, where it is made outside of any `build`.
        key: The key of its value, once it has a place.
        digest: Digest of the value that it was given last by its initialiser or by samefit; None if not known.
        memory: Where it had that value; None if not known.
    """

    number: int
    initializer: Any
    keras: bool
    explicit: bool
    drew: bool = False
    first: int | None = None
    key: int | None = None
    digest: bytes | None = None
    memory: int | None = None

    def was_given(self, value: Array | None, memory: int | None) -> None:
        """Notes the value that it has now, and where."""
        self.digest = None if value is None else digest(value)
        self.memory = memory


@dataclass
class Generator:
    """A `SeedGenerator`.

    Attributes:
        number: How many were made in the scope before it.
        explicit: Whether it has a seed that the user gave.
        key: The key of its state, once it has one.
        word: The first word of its state, as it was made or as samefit set it.
    """

    number: int
    explicit: bool
    key: int | None = None
    word: int | None = None


@dataclass(frozen=True)
class Home:
    """What numbered a layer.

    Attributes:
        members: What was numbered with it, also what is gone by now: what happens next must not depend on when Python
            collects its garbage.
        loose: Whether that was no model.
    """

    members: frozenset[int]
    loose: bool


def digest(value: Array) -> bytes:
    """Returns a digest of the bytes of an array, of 128 bits."""
    contiguous = value if value.flags.c_contiguous else value.copy()
    return xxhash.xxh3_128_digest(contiguous.reshape(-1).view(np.uint8).data)
