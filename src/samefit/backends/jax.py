"""JAX: stateless generators, zero-copy reads on the CPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, final

import jax
import numpy as np
from jax._src import xla_bridge

from samefit.backends import in_place_jax, random_jax
from samefit.backends.base import Array, Backend, Determinism, HookPoint, Refused, Tap, those_there
from samefit.blocks import Blocks

_FLAGS = (
    "jax_enable_x64",
    "jax_default_matmul_precision",
    "jax_threefry_partitionable",
    "jax_default_prng_impl",
    "jax_disable_jit",
    "jax_numpy_dtype_promotion",
)

_PRECISION = "jax_default_matmul_precision"

_XLA_FLAGS = ("--xla_gpu_deterministic_ops=true",)


@final
class JaxBackend(Backend):
    """The adapter for JAX."""

    name = "jax"
    returns_early = True

    def version(self) -> str:
        return str(jax.__version__)

    def device(self) -> str:
        device = jax.devices()[0]
        return "cpu" if device.platform == "cpu" else str(device.device_kind)

    def flags(self) -> Mapping[str, Any]:
        values = {name: getattr(jax.config, name, None) for name in _FLAGS}
        return {
            name: value if isinstance(value, (bool, int, str, type(None))) else str(value)
            for name, value in values.items()
        }

    def threads(self) -> Mapping[str, int]:
        # XLA's CPU pool takes its size from the machine (or from the CPU affinity); JAX does not report it.
        return {
            "cpu_affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        }

    def to_numpy(self, value: Any) -> Array:
        dtype = getattr(value, "dtype", None)
        # A key's dtype is none of NumPy's. To ask JAX costs as much as to read a small array.
        if dtype is not None and not isinstance(dtype, np.dtype) and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(value)
        array = np.asarray(value)
        if array.dtype.hasobject and hasattr(value, "todense"):
            # A sparse array (jax.experimental.sparse). To ask for its class first would cost each dense one time.
            array = np.asarray(value.todense())
        return array

    def narrowed(self, array: Array) -> Array:
        import keras

        # With `floatx` "float64" Keras casts the arrays of a `fit`, and without x64 JAX takes that back. What comes as
        # float64 by itself is such on each backend.
        demoted = keras.config.floatx() == "float64" and not jax.config.jax_enable_x64
        return array.astype(np.float32) if demoted else array

    def to_numpy_many(self, values: Sequence[Any]) -> list[Array]:
        if jax.default_backend() != "cpu":
            # The first copy is waited for; those after it are on their way meanwhile.
            for value in values:
                if isinstance(value, jax.Array) and not jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
                    value.copy_to_host_async()
        return [self.to_numpy(value) for value in values]

    def readings(self, values: Sequence[Any]) -> list[Array | Blocks]:
        if jax.default_backend() != "gpu":
            return list(self.to_numpy_many(values))
        return in_place_jax.readings(values, self.to_numpy_many)

    def host_value(self, variable: Any) -> Array | None:
        value = variable._value
        return None if _is_missing(value) else self.to_numpy(value)

    def host_values(self, variables: Sequence[Any]) -> list[Array | None]:
        return those_there([variable._value for variable in variables], _is_missing, self.to_numpy_many)

    def host_readings(self, variables: Sequence[Any]) -> list[Array | Blocks | None]:
        return those_there([variable._value for variable in variables], _is_missing, self.readings)

    def write(self, variable: Any, value: Array) -> None:
        with jax.ensure_compile_time_eval():
            variable._direct_assign(jax.numpy.asarray(value, dtype=variable._value.dtype))

    def compute_alike(self) -> tuple[Mapping[str, str], Callable[[], None]]:
        return {}, lambda: None

    def evaluated(self, compute: Callable[[], Any]) -> Array | None:
        return None

    def generator_state(self) -> bytes | None:
        return None

    def set_generator_state(self, state: bytes) -> None:
        raise NotImplementedError("JAX has no process-wide generator")

    def seed(self, seed: int) -> None:
        pass

    def reseed(self, seed: int) -> None:
        pass

    def unseed(self) -> None:
        pass

    def mark(self) -> Any:
        return None

    def return_to(self, mark: Any) -> None:
        pass

    def enable_determinism(self) -> Determinism:
        # XLA on the CPU gives the same bits each time. On a GPU it reads these flags once, when it is first used.
        before = os.environ.get("XLA_FLAGS")
        flags = (before or "").split()
        missing = [flag for flag in _XLA_FLAGS if flag not in flags]
        switched = {"XLA_FLAGS": " ".join(_XLA_FLAGS)}
        if not missing:
            return Determinism(switched, (), lambda: None)
        if xla_bridge.backends_are_initialized():
            if jax.default_backend() == "cpu":
                return Determinism({}, (), lambda: None)
            why = "JAX was in use before the pinned scope was entered, and reads the flags only once"
            remedy = f"Set it for the whole process:  XLA_FLAGS='{' '.join(_XLA_FLAGS)}'"
            return Determinism({}, (Refused("XLA_FLAGS", why, remedy),), lambda: None)
        os.environ["XLA_FLAGS"] = " ".join([*flags, *missing])

        def undo() -> None:
            # If JAX was used meanwhile, it stays deterministic for the rest of the process.
            if before is None:
                os.environ.pop("XLA_FLAGS", None)
            else:
                os.environ["XLA_FLAGS"] = before

        return Determinism(switched, (), undo)

    def full_precision(self) -> Determinism:
        if jax.config.jax_default_matmul_precision is not None:
            return Determinism({}, (), lambda: None)
        # Unless it is asked for more, XLA multiplies float32 on a GPU in TensorFloat-32, with 10 bits of 23. On a CPU
        # it makes no difference.
        jax.config.update(_PRECISION, "highest")
        return Determinism({_PRECISION: "highest"}, (), lambda: jax.config.update(_PRECISION, None))

    def shuffling(self, rows: Callable[[], Array]) -> AbstractContextManager[None]:
        return contextlib.nullcontext()

    def draw_functions(self) -> Sequence[HookPoint]:
        return ()

    def seed_functions(self) -> Sequence[HookPoint]:
        return ()

    def portable_draws(self) -> Mapping[str, Callable[..., Any]]:
        return random_jax.draws()

    def next_seed(self, variable: Any) -> Any | None:
        return None

    def specify_stream(self) -> Callable[[], None]:
        before = jax.config.jax_threefry_partitionable
        jax.config.update("jax_threefry_partitionable", True)
        return lambda: jax.config.update("jax_threefry_partitionable", before)

    def watch_batches(self, dataset: Any, observe: Callable[[list[tuple[str, Array]]], None]) -> Any:
        return dataset

    def batch_source(self, iterator: Any) -> Any:
        return None

    def is_concrete(self, value: Any) -> bool:
        return not isinstance(value, jax.core.Tracer)

    def gradients(self, loss: Callable[[], Any], variables: Sequence[Any]) -> tuple[Array, list[Array | None]]:
        import keras

        def compute(values: list[Any]) -> Any:
            pairs = list(zip(variables, values, strict=True))
            with keras.StatelessScope(state_mapping=pairs, collect_losses=True):
                return loss()

        value, gradients = jax.value_and_grad(compute)([variable.value for variable in variables])
        return np.asarray(value), [np.asarray(gradient) for gradient in gradients]

    def step_in_depth(
        self,
        trainer: Any,
        state: Any,
        batch: Any,
        watching: Callable[[Tap], AbstractContextManager[None]],
        *,
        eager: bool = False,
    ) -> tuple[bool, Any]:
        # JAX keeps the order of callbacks on one device only; operation by operation each can be waited for.
        leaves = [leaf for leaf in jax.tree.leaves(batch) if isinstance(leaf, jax.Array)]
        shared = any(len(leaf.sharding.device_set) > 1 for leaf in leaves)
        eager = eager or shared

        def tap(tensors: Sequence[Any], receive: Callable[[list[Array]], None]) -> None:
            def arrived(*arrays: Any) -> None:
                receive([np.array(array) for array in arrays])

            jax.debug.callback(arrived, *tensors, ordered=not shared)
            if shared:
                jax.effects_barrier()

        def step(state: Any, data: Any) -> Any:
            with watching(tap):
                return trainer.train_step(state, data)

        compiled = bool(trainer.jit_compile) and not trainer.run_eagerly
        run = jax.jit(step) if compiled and not eager else step
        _, after = run(jax.tree.map(jax.numpy.asarray, state), batch)
        jax.effects_barrier()
        return compiled and eager, after


def _is_missing(value: Any) -> bool:
    return value is None or isinstance(value, jax.core.Tracer) or bool(value.is_deleted())


ADAPTER = JaxBackend()
