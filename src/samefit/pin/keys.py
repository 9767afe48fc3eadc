"""Keys: every pinned value is a function of (seed, purpose, position), so its key is a hash of these three."""

from __future__ import annotations

import hashlib

_BITS = 31
"""Keras keeps seeds in int32 variables on PyTorch (`SeedGenerator`, keras/src/random/seed_generator.py)."""


def key(seed: int, purpose: str, *position: int | str) -> int:
    """Returns the key of one random value.

    Args:
        seed: The seed of the scope.
        purpose: What the value is for: "weight", "generator", "order", ...
        *position: Where it stands, from the outside in (number of the model, of the layer, of the weight, ...).

    Returns:
        An integer from 0 to 2**31 - 1: the first bits of BLAKE2b over the arguments, each with its length before it,
        so that no two positions are spelled alike.
    """
    digest = hashlib.blake2b(digest_size=8, person=b"samefit-pin-1")
    for part in (seed, purpose, *position):
        text = f"{type(part).__name__}:{part}".encode()
        digest.update(len(text).to_bytes(4, "little") + text)
    return int.from_bytes(digest.digest(), "little") >> (64 - _BITS)
