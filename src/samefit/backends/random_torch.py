"""The random values of `samefit.backends.portable` as PyTorch tensors: drawn by NumPy, and moved to the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from samefit.backends import portable
from samefit.backends.base import Array
from samefit.backends.threefry import Key


def draws() -> Mapping[str, Callable[..., Any]]:
    """Returns the functions that stand for those of `keras.src.backend.torch.random`, with a key as the first."""
    return {
        "uniform": uniform,
        "normal": normal,
        "truncated_normal": truncated_normal,
        "randint": randint,
        "categorical": categorical,
        "shuffle": shuffle,
        "dropout": dropout,
    }


_COUNTED = np.array([0, 1], np.int32)


def next_seed(variable: Any) -> torch.Tensor | None:
    """Returns the seed of a draw and counts it, as `SeedGenerator.next` does; None where that cannot be done in place.

    The five operations of Keras take longer than a mask of some thousand elements.
    """
    state = variable._value
    if torch.compiler.is_compiling() or state is None or state.device.type != "cpu" or state.dtype != torch.int32:
        return None
    words = state.detach().numpy()
    seed = torch.from_numpy(words.copy())
    np.add(words, _COUNTED, out=words)
    return seed


def _key(seed: torch.Tensor) -> Key:
    first, second = seed.tolist()
    return first & 0xFFFFFFFF, second & 0xFFFFFFFF


def _tensor(values: Array, device: torch.device) -> torch.Tensor:
    # NumPy gives a number instead of an array without axes.
    values = np.asarray(values)
    if values.dtype.name == "bfloat16":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16).to(device)
    return torch.from_numpy(values).to(device)


def _host(value: Any) -> Any:
    return value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value


# What NumPy computes cannot be traced by torch.compile: it leaves its graph here, as it does in Keras's own draws.
@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def uniform(seed: torch.Tensor, shape: Sequence[int], minval: Any, maxval: Any, dtype: str) -> torch.Tensor:
    """Returns values of a uniform distribution; see `portable.uniform`."""
    return _tensor(portable.uniform(_key(seed), tuple(shape), _host(minval), _host(maxval), dtype), seed.device)


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def normal(seed: torch.Tensor, shape: Sequence[int], mean: Any, stddev: Any, dtype: str) -> torch.Tensor:
    """Returns values of a normal distribution; see `portable.normal`."""
    return _tensor(portable.normal(_key(seed), tuple(shape), dtype), seed.device) * stddev + mean


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def truncated_normal(seed: torch.Tensor, shape: Sequence[int], mean: Any, stddev: Any, dtype: str) -> torch.Tensor:
    """Returns values of a normal distribution that is cut at two deviations; see `portable.truncated_normal`."""
    return _tensor(portable.truncated_normal(_key(seed), tuple(shape), dtype), seed.device) * stddev + mean


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def randint(seed: torch.Tensor, shape: Sequence[int], minval: Any, maxval: Any, dtype: str) -> torch.Tensor:
    """Returns integers; see `portable.integers`."""
    return _tensor(portable.integers(_key(seed), tuple(shape), _host(minval), _host(maxval), dtype), seed.device)


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def categorical(seed: torch.Tensor, logits: Any, num_samples: int, dtype: str) -> torch.Tensor:
    """Returns draws from categorical distributions; see `portable.categories`."""
    wide = logits.detach().cpu()
    values = wide.float().numpy().astype(portable.type_of("bfloat16")) if wide.dtype == torch.bfloat16 else wide.numpy()
    return _tensor(portable.categories(_key(seed), values, num_samples).astype(dtype), seed.device)


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def shuffle(seed: torch.Tensor, x: Any, axis: int) -> torch.Tensor:
    """Returns the slices of `x` along `axis` in the order of `portable.permutation`."""
    order = _tensor(portable.permutation(_key(seed), x.shape[axis]), x.device)
    return x.index_select(axis, order)


def dropout(seed: torch.Tensor, inputs: torch.Tensor, rate: float, noise_shape: Any) -> torch.Tensor:
    """Returns the inputs where `portable.kept` keeps them, scaled up, and 0 elsewhere."""
    sizes = inputs.shape
    shape = sizes if noise_shape is None else [sizes[i] if n is None else n for i, n in enumerate(noise_shape)]
    # Before the product: a compiled graph ends at this call, and a method that is bound already cannot be handed on.
    dropped, factor = _dropped(seed, shape, 1.0 - rate, inputs.dtype)
    # In place: the product is needed by nothing else, its gradient included.
    return (inputs * factor).masked_fill_(dropped, 0.0)


@torch._dynamo.disable()  # type: ignore[untyped-decorator]
def _dropped(seed: torch.Tensor, shape: Sequence[int], share: float, dtype: torch.dtype) -> tuple[torch.Tensor, float]:
    """Returns where nothing is left, and the factor of all else."""
    factor = portable.reciprocal(share, str(dtype).removeprefix("torch."))
    return _tensor(~portable.kept(_key(seed), tuple(shape), share), seed.device), factor
