"""The sums of xxh3, made for all blocks at once, give what the library gives for each."""

from __future__ import annotations

import numpy as np
import xxhash

from samefit.backends import xxh3
from samefit.blocks import BLOCK


def sums(block: bytes) -> np.ndarray:
    """Returns the eight sums behind a block, word by word, as an adapter makes them with many at once."""
    words = np.frombuffer(block, np.uint64).reshape(xxh3.SHAPE)
    mixed = words ^ xxh3.keys()
    neighbours = words.reshape(*xxh3.SHAPE[:2], 4, 2)[..., ::-1].reshape(xxh3.SHAPE)
    added = ((mixed & np.uint64(0xFFFFFFFF)) * (mixed >> np.uint64(32)) + neighbours).sum(axis=1, dtype=np.uint64)
    total = xxh3.START
    for one in added[:-1]:
        total = total + one
        total = (total ^ (total >> np.uint64(xxh3.SHIFT)) ^ xxh3.MIXED_IN) * np.uint64(xxh3.PRIME)
    return total + added[-1]


def test_blocks_have_the_digests_of_the_library() -> None:
    random = np.random.default_rng(0)
    blocks = [random.bytes(BLOCK), bytes(BLOCK), b"\xff" * BLOCK, random.bytes(BLOCK)]
    assert xxh3.digests(np.stack([sums(block) for block in blocks])) == [xxhash.xxh3_128_digest(b) for b in blocks]


def test_no_blocks_have_no_digests() -> None:
    assert xxh3.digests(np.zeros((0, 8), np.uint64)) == []
