"""Digests of PyTorch's tensors, made where they lie."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from samefit.backends import xxh3
from samefit.backends.base import Array
from samefit.blocks import BLOCK, Blocks

_AT_ONCE = 64 << 20
"""Bytes of which the words are combined at once: some times as much memory is taken for that."""

_LOW = 0xFFFFFFFF

_NAMES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64"}


def readings(values: Sequence[Any], read: Callable[[Sequence[Any]], list[Array]]) -> list[Array | Blocks]:
    """Returns the digests of the blocks of large tensors, and all others as arrays on the host.

    Args:
        values: The tensors.
        read: Reads tensors that are not digested where they lie.
    """
    large = [i for i, value in enumerate(values) if _is_for_here(value)]
    if not large:
        return list(read(values))
    try:
        return xxh3.readings(values, large, _sums_and_rests, _dtype, read)
    except RuntimeError:
        # The memory of the accelerator may not do for that. On the host they have the same digests.
        return list(read(values))


def _sums_and_rests(tensors: list[Any]) -> tuple[list[Any], list[Any]]:
    with torch.no_grad():
        flat = [tensor.detach().reshape(-1).contiguous().view(torch.uint8) for tensor in tensors]
        ends = [len(one) // BLOCK * BLOCK for one in flat]
        blocks = [part for one, end in zip(flat, ends, strict=True) for part in one[:end].split(_AT_ONCE)]
        sums = [_behind(torch.cat(some).view(torch.int64).view(-1, *xxh3.SHAPE)) for some in _slabs(blocks)]
        return sums, [one[end:] for one, end in zip(flat, ends, strict=True)]


def _is_for_here(value: Any) -> bool:
    """Whether it is large, and of numbers that are digested as they are."""
    if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.dtype not in _NAMES:
        return False
    return value.layout is torch.strided and value.numel() * value.element_size() >= BLOCK and not value.is_neg()


def _dtype(tensor: torch.Tensor) -> np.dtype[Any]:
    # Of bfloat16 NumPy knows when ml_dtypes, which comes with Keras, has been imported.
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16 if tensor.dtype == torch.bfloat16 else _NAMES[tensor.dtype])


def _slabs(parts: Sequence[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Returns the parts, some at a time, of one device and of few bytes together."""
    slab: list[torch.Tensor] = []
    for part in parts:
        if slab and (part.device != slab[0].device or sum(map(len, slab)) + len(part) > _AT_ONCE):
            yield slab
            slab = []
        slab.append(part)
    if slab:
        yield slab


def _behind(words: torch.Tensor) -> torch.Tensor:
    """Returns the sums behind blocks, shape (blocks, 8), as int64, which wraps around as unsigned numbers do."""
    keys, start, mixed_in = _constants(words.device)
    mixed = words ^ keys
    products = (mixed & _LOW) * ((mixed >> 32) & _LOW)
    neighbours = words.view(*words.shape[:-1], 4, 2).flip(-1).view(words.shape)
    added = (products + neighbours).sum(dim=2)
    total, low = start.expand(len(words), 8), (1 << 64 - xxh3.SHIFT) - 1
    for stretch in range(xxh3.STRETCHES - 1):
        total = total + added[:, stretch]
        total = (total ^ ((total >> xxh3.SHIFT) & low) ^ mixed_in) * xxh3.PRIME
    return total + added[:, -1]


@functools.cache
def _constants(device: torch.device) -> tuple[torch.Tensor, ...]:
    words = (xxh3.keys(), xxh3.START, xxh3.MIXED_IN)
    return tuple(torch.from_numpy(some.view(np.int64).copy()).to(device) for some in words)
