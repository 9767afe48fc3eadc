"""What a dropout of PyTorch takes, its own and the one that `pinned` puts in its place, by the number of elements.

Where llvmlite is installed, the latter with it and without.

python benchmarks/masks.py
"""

import timeit
from unittest import mock

import torch

from samefit.backends import masks, random_torch


def microseconds(call):
    """Returns how long a call takes: the best of some rounds."""
    call()
    return 1e6 * min(timeit.repeat(call, number=100, repeat=7)) / 100


def main():
    """Prints one line for each size."""
    seed = torch.tensor([1, 2], dtype=torch.int32)
    for elements in (4_096, 32_768, 262_144):
        inputs = torch.rand(elements)
        own = microseconds(lambda x=inputs: torch.nn.functional.dropout(x, 0.2))
        pinned = microseconds(lambda x=inputs: random_torch.dropout(seed, x, 0.2, None))
        with mock.patch.object(masks, "compiled", return_value=None):
            by_numpy = microseconds(lambda x=inputs: random_torch.dropout(seed, x, 0.2, None))
        compiled = f"{pinned:7.1f} us by LLVM, " if masks.compiled() else ""
        print(f"{elements:8,} elements: {own:7.1f} us PyTorch's own; pinned {compiled}{by_numpy:7.1f} us by NumPy")


main()
