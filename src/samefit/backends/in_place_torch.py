"""Digests of PyTorch's tensors, made where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from samefit.backends import xxh3
from samefit.backends.base import Array
from samefit.store.digest import BLOCK, header, of_blocks

_AT_ONCE = 64 << 20
"""Bytes of which the words are combined at once: some times as much memory is taken for that."""

_LOW = 0xFFFFFFFF

_NAMES = {torch.float16: "float16", torch.bfloat16: "bfloat16", torch.float32: "float32", torch.float64: "float64"}


def readings(values: Sequence[Any], read: Callable[[Sequence[Any]], list[Array]]) -> list[Array | bytes]:
    """Returns the digests of large tensors, and all others as arrays on the host.

    Args:
        values: The tensors.
        read: Reads tensors that are not digested where they lie.
    """
    large = [i for i, value in enumerate(values) if _is_for_here(value)]
    if not large:
        return list(read(values))
    with torch.no_grad():
        flat = [values[i].detach().reshape(-1).view(torch.uint8) for i in large]
        ends = [len(one) // BLOCK * BLOCK for one in flat]
        rests = [one[end:] for one, end in zip(flat, ends, strict=True)]
        blocks = [part for one, end in zip(flat, ends, strict=True) for part in one[:end].split(_AT_ONCE)]
        sums = [_behind(torch.cat(some).view(torch.int64).view(-1, *xxh3.SHAPE)) for some in _slabs(blocks)]
    small = [value for i, value in enumerate(values) if i not in set(large)]
    arrays = read([*small, *rests, *sums])
    behind = len(small) + len(rests)
    found: list[Array | bytes] = list(arrays[: len(small)])
    digests = iter(xxh3.digests(np.concatenate([part.view(np.uint64) for part in arrays[behind:]])))
    for i, end, rest in zip(large, ends, arrays[len(small) : behind], strict=True):
        own = [next(digests) for _ in range(end // BLOCK)]
        found.insert(i, of_blocks(_header(values[i]), own, rest.tobytes()))
    return found


def _is_for_here(value: Any) -> bool:
    """Whether it is large, and of numbers that are digested as they are."""
    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.dtype not in _NAMES:
        return False
    return value.numel() * value.element_size() >= BLOCK and not value.is_neg()


def _header(tensor: torch.Tensor) -> bytes:
    name = _NAMES[tensor.dtype]
    if name == "bfloat16":
        import ml_dtypes

        return header(np.dtype(ml_dtypes.bfloat16), tuple(tensor.shape))
    return header(np.dtype(name), tuple(tensor.shape))


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
    mixed = words ^ _constant(xxh3.keys(), words.device)
    products = (mixed & _LOW) * ((mixed >> 32) & _LOW)
    neighbours = words.view(*words.shape[:-1], 4, 2).flip(-1).view(words.shape)
    added = (products + neighbours).sum(dim=2)
    total = _constant(xxh3.START, words.device).expand(len(words), 8)
    mixed_in, low = _constant(xxh3.MIXED_IN, words.device), (1 << 64 - xxh3.SHIFT) - 1
    for stretch in range(xxh3.STRETCHES - 1):
        total = total + added[:, stretch]
        total = (total ^ ((total >> xxh3.SHIFT) & low) ^ mixed_in) * xxh3.PRIME
    return total + added[:, -1]


def _constant(words: Array, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(words.view(np.int64).copy()).to(device)
