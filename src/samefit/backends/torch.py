"""PyTorch: one default generator, views that change in place with the next step."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, final

import numpy as np
import torch
from torch._ops import _len_torch_dispatch_stack_pre_dispatch  # torch 2.4 to 2.13, as all of these
from torch.utils._python_dispatch import _disable_current_modes, _len_torch_dispatch_stack

from samefit.backends import in_place_torch, random_torch
from samefit.backends.base import Array, Backend, Determinism, HookPoint, Refused, Tap, those_there
from samefit.blocks import Blocks

_FUNCTIONS = (
    "rand",
    "randn",
    "randint",
    "randperm",
    "normal",
    "bernoulli",
    "multinomial",
    "rand_like",
    "randn_like",
    "poisson",
)
_METHODS = ("random_", "normal_", "uniform_", "bernoulli_", "exponential_", "geometric_", "cauchy_", "log_normal_")

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"

_NOTHING = contextlib.nullcontext()

_IN_FEW_COPIES = 64 << 20
"""Bytes of tensors on CUDA that are copied together: so much memory is taken on both sides for that."""


@final
class TorchBackend(Backend):
    """The adapter for PyTorch."""

    name = "torch"
    memory_stays = True
    # The function itself: the compiler knows it, and takes it for a constant.
    is_compiling = staticmethod(torch.compiler.is_compiling)
    # Not public; `torch.compiler.disable` would leave what the hook calls to Python as well (checked on torch 2.13).
    left_to_python = staticmethod(torch._dynamo.decorators.skip)

    def version(self) -> str:
        return str(torch.__version__)

    def device(self) -> str:
        return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else "cpu"

    def flags(self) -> Mapping[str, Any]:
        return {
            "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
            "float32_matmul_precision": torch.get_float32_matmul_precision(),
            "default_dtype": str(torch.get_default_dtype()),
            "cudnn.deterministic": torch.backends.cudnn.deterministic,
            "cudnn.benchmark": torch.backends.cudnn.benchmark,
            "cudnn.allow_tf32": torch.backends.cudnn.allow_tf32,
            "mkldnn": torch.backends.mkldnn.is_available(),
        }

    def threads(self) -> Mapping[str, int]:
        return {"intra_op": torch.get_num_threads(), "inter_op": torch.get_num_interop_threads()}

    def to_numpy(self, value: Any) -> Array:
        if not isinstance(value, torch.Tensor):
            return np.asarray(value)
        if value.layout is not torch.strided:
            value = value.detach().cpu().to_dense()
        if value.dtype is torch.bfloat16:
            # NumPy has no bfloat16 of its own; ml_dtypes comes with Keras.
            import ml_dtypes

            return np.asarray(value.detach().cpu().contiguous().view(torch.uint16).numpy()).view(ml_dtypes.bfloat16)
        # All that may stand between a tensor and its numbers (a device, gradients, lazy bits), in one call.
        array: Array = value.numpy(force=True)
        return array

    def to_numpy_many(self, values: Sequence[Any]) -> list[Array]:
        return [self.to_numpy(value) for value in _on_host(values)]

    def readings(self, values: Sequence[Any]) -> list[Array | Blocks]:
        # Without a CUDA in use none can be there; the tensors need not be asked then.
        on_cuda = torch.cuda.is_initialized() and any(isinstance(v, torch.Tensor) and v.is_cuda for v in values)
        if not on_cuda:
            return list(self.to_numpy_many(values))
        return in_place_torch.readings(values, self.to_numpy_many)

    def host_value(self, variable: Any) -> Array | None:
        value = variable._value
        return None if _is_missing(value) else self.to_numpy(value)

    def host_values(self, variables: Sequence[Any]) -> list[Array | None]:
        return those_there([variable._value for variable in variables], _is_missing, self.to_numpy_many)

    def host_readings(self, variables: Sequence[Any]) -> list[Array | Blocks | None]:
        return those_there([variable._value for variable in variables], _is_missing, self.readings)

    def write(self, variable: Any, value: Array) -> None:
        with torch.no_grad():
            # PyTorch does not read NumPy arrays of bfloat16; every value of it is one of float32.
            wide = np.array(value, dtype=np.float32 if value.dtype.name == "bfloat16" else None)
            variable._value.data.copy_(torch.from_numpy(wide))

    def memory(self, tensor: Any) -> int | None:
        # Stand-ins of a compiler are of other classes; inside of `torch.func` tensors have no memory that can be asked.
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or torch._C._functorch.is_functorch_wrapped_tensor(
            tensor
        ):
            return None
        # None for tensors that are empty or "meta".
        return tensor.data_ptr() or None if tensor.layout is torch.strided else None

    def copying_functions(self) -> Sequence[HookPoint]:
        return ((torch.Tensor, "copy_", "torch.Tensor.copy_"), (torch, "_foreach_copy_", "torch._foreach_copy_"))

    def moving_functions(self) -> Sequence[HookPoint]:
        # Not public: what `to`, `cuda`, `double`, `share_memory` and the like do it by (torch/nn/modules/module.py).
        return ((torch.nn.Module, "_apply", "torch.nn.Module._apply"),)

    def compute_alike(self) -> tuple[Mapping[str, str], Callable[[], None]]:
        return {}, lambda: None

    def evaluated(self, compute: Callable[[], Any]) -> Array | None:
        return None

    def generator_state(self) -> bytes | None:
        # While torch.compile traces, tensors are stand-ins without values; the generator's state is none of them. To
        # ask for its modes costs less than to put them aside, which is done for each step otherwise.
        traces = _len_torch_dispatch_stack() or _len_torch_dispatch_stack_pre_dispatch()
        with _disable_current_modes() if traces else _NOTHING:
            states = [torch.get_rng_state(), *(generator.get_state() for generator in _in_use())]
            return b"".join(state.numpy().tobytes() for state in states)

    def set_generator_state(self, state: bytes) -> None:
        states = torch.frombuffer(bytearray(state), dtype=torch.uint8)
        size = torch.get_rng_state().numel()
        torch.set_rng_state(states[:size].clone())
        if states.numel() > size:
            # Where CUDA is not in use yet, PyTorch keeps it until then.
            torch.cuda.set_rng_state(states[size:].clone())

    def own_generator_state(self, value: Any) -> bytes | None:
        return bytes(value.get_state().numpy().tobytes()) if isinstance(value, torch.Generator) else None

    def write_own_generator(self, value: Any, state: bytes) -> bool:
        if isinstance(value, torch.Generator):
            value.set_state(torch.frombuffer(bytearray(state), dtype=torch.uint8))
        return isinstance(value, torch.Generator)

    def first_state_of(self, value: Any) -> bytes | None:
        if not isinstance(value, torch.Generator):
            return None
        return self.own_generator_state(torch.Generator(value.device).manual_seed(value.initial_seed()))

    def seed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def reseed(self, seed: int) -> None:
        torch.manual_seed(seed)

    def unseed(self) -> None:
        torch.seed()

    def mark(self) -> Any:
        return torch.get_rng_state(), [generator.get_state() for generator in _on_cuda()]

    def return_to(self, mark: Any) -> None:
        state, on_cuda = mark
        torch.set_rng_state(state)
        for position, generator in enumerate(_on_cuda()):
            if position < len(on_cuda):
                generator.set_state(on_cuda[position])
            else:
                # CUDA came into use meanwhile: its generators begin at the seed that they were given before.
                generator.manual_seed(generator.initial_seed())

    def enable_determinism(self) -> Determinism:
        undo = contextlib.ExitStack()
        undo.callback(
            torch.use_deterministic_algorithms,
            torch.are_deterministic_algorithms_enabled(),
            warn_only=torch.is_deterministic_algorithms_warn_only_enabled(),
        )
        torch.use_deterministic_algorithms(True)
        switched, refused = {"deterministic algorithms": "on"}, []
        if torch.cuda.is_available():
            cudnn = torch.backends.cudnn
            for name, value in (("deterministic", True), ("benchmark", False)):
                undo.callback(setattr, cudnn, name, getattr(cudnn, name))
                setattr(cudnn, name, value)
                switched[f"cudnn.{name}"] = "on" if value else "off"
            if os.environ.get(_CUBLAS) not in (":4096:8", ":16:8"):
                if torch.cuda.is_initialized():
                    why = "CUDA was in use before the pinned scope was entered, and reads it only once"
                    refused.append(Refused(_CUBLAS, why, f"Set it for the whole process:  {_CUBLAS}=:4096:8"))
                # PyTorch refuses to multiply matrices without it.
                undo.callback(_set_variable, _CUBLAS, os.environ.get(_CUBLAS))
                os.environ[_CUBLAS] = ":4096:8"
            if not refused:
                switched[_CUBLAS] = os.environ[_CUBLAS]
        return Determinism(switched, refused, undo.close)

    def full_precision(self) -> Determinism:
        undo = contextlib.ExitStack()
        if not torch.cuda.is_available():
            return Determinism({}, (), undo.close)
        cudnn = torch.backends.cudnn
        undo.callback(setattr, cudnn, "allow_tf32", cudnn.allow_tf32)
        cudnn.allow_tf32 = False
        undo.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
        torch.set_float32_matmul_precision("highest")
        return Determinism({"cudnn.allow_tf32": "off", "float32 matmul precision": "highest"}, (), undo.close)

    def shuffling(self, rows: Callable[[], Array]) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def draw_functions(self) -> Sequence[HookPoint]:
        functions = [(torch, name, f"torch.{name}") for name in _FUNCTIONS]
        return functions + [(torch.Tensor, name, f"torch.Tensor.{name}") for name in _METHODS]

    def pipeline_functions(self) -> Sequence[HookPoint]:
        return ((torch.utils.data.DataLoader, "__init__", "DataLoader"),)

    def seed_functions(self) -> Sequence[HookPoint]:
        return ((torch, "manual_seed", "torch.manual_seed"), (torch.random, "manual_seed", "torch.manual_seed"))

    def portable_draws(self) -> Mapping[str, Callable[..., Any]]:
        return random_torch.draws()

    def next_seed(self, variable: Any) -> Any | None:
        return random_torch.next_seed(variable)

    def specify_stream(self) -> Callable[[], None]:
        return lambda: None

    def watch_batches(self, dataset: Any, observe: Callable[[list[tuple[str, Array]]], None]) -> Any:
        return dataset

    def batch_source(self, iterator: Any) -> Any:
        return None

    def is_concrete(self, value: Any) -> bool:
        if torch.compiler.is_compiling():
            return False
        return not isinstance(value, torch.Tensor) or value.device.type != "meta"

    def gradients(self, loss: Callable[[], Any], variables: Sequence[Any]) -> tuple[Array, list[Array | None]]:
        value = loss()
        values = [variable.value for variable in variables]
        gradients = (
            torch.autograd.grad(value, values, allow_unused=True) if value.requires_grad else [None] * len(values)
        )
        return self.to_numpy(value), [None if g is None else self.to_numpy(g) for g in gradients]

    def step_in_depth(
        self,
        trainer: Any,
        state: Any,
        batch: Any,
        watching: Callable[[Tap], AbstractContextManager[None]],
        *,
        eager: bool = False,
    ) -> tuple[bool, Any]:
        def tap(tensors: Sequence[Any], receive: Callable[[list[Array]], None]) -> None:
            # Copies: what runs next may change a tensor in place.
            receive([np.array(self.to_numpy(tensor)) for tensor in tensors])

        with watching(tap):
            trainer.train_step(batch)
        return bool(trainer.jit_compile) and not trainer.run_eagerly, None


def _is_missing(value: Any) -> bool:
    return value is None or value.is_meta


def _on_host(values: Sequence[Any]) -> list[Any]:
    """Returns tensors, those on CUDA as copies in the host's memory where all of them can be had in a few copies."""
    found = list(values)
    if not torch.cuda.is_initialized():
        return found
    alike: dict[Any, list[int]] = {}
    for k, value in enumerate(values):
        if isinstance(value, torch.Tensor) and value.is_cuda and value.layout is torch.strided:
            alike.setdefault((value.dtype, value.device), []).append(k)
    if sum(values[k].nbytes for positions in alike.values() for k in positions) > _IN_FEW_COPIES:
        return found
    try:
        for (dtype, _), positions in alike.items():
            flat = torch.cat([values[k].detach().reshape(-1) for k in positions])
            # Memory that the device writes to by itself: many times faster, and PyTorch keeps it for the next time.
            host = torch.empty(flat.shape, dtype=dtype, pin_memory=True).copy_(flat)
            for k, part in zip(positions, host.split([values[k].numel() for k in positions]), strict=True):
                found[k] = part.view(values[k].shape)
    except RuntimeError:
        # The training needs the memory itself: one by one they take none.
        return list(values)
    return found


def _on_cuda() -> Sequence[torch.Generator]:
    """Returns the default generators of the devices, of which there are none before CUDA is in use."""
    return torch.cuda.default_generators if torch.cuda.is_initialized() else ()


def _in_use() -> Sequence[torch.Generator]:
    """Returns that of the device on which Keras computes: others may be there on one machine and not on another."""
    return [_on_cuda()[torch.cuda.current_device()]] if torch.cuda.is_initialized() else []


def _set_variable(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


ADAPTER = TorchBackend()
