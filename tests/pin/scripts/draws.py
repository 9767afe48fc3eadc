"""Draws through `keras.random` inside of a scope, eager and compiled; prints digests, and writes normals to a file."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

import samefit

SHAPES: list[tuple[int, ...]] = [(), (1,), (7,), (3, 5), (2, 0, 3), (70_001,), (4, 9, 11)]
FLOATS = ["float16", "bfloat16", "float32"]
INTEGERS = {"int8": (-3, 100), "uint8": (0, 256), "int16": (-9, 9), "int32": (-5, 2**31 - 1), "int64": (7, 7000)}


def compiled(function: Callable[[], Any]) -> list[tuple[str, Callable[[], Any]]]:
    """Returns the ways of this backend to run a function without arguments."""
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return [("jit", jax.jit(function))]
    if name == "tensorflow":
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        return [("graph", tf.function(function)), ("XLA", tf.function(function, jit_compile=True))]
    return []


def array(value: Any) -> np.ndarray[Any, Any]:
    """Returns a tensor as an array; integers as int64, which JAX does not have, and bfloat16 as float32."""
    dtype = keras.backend.standardize_dtype(value.dtype)
    found = np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(value, "float32") if dtype == "bfloat16" else value))
    return found.astype("int64") if "int" in dtype else found


def some(shape: tuple[int, ...], dtype: str) -> Any:
    """Returns a tensor of different values."""
    values = np.random.default_rng(5).random(shape).astype("float32")
    return keras.ops.cast(keras.ops.convert_to_tensor(values), dtype)


def cases() -> dict[str, Callable[[], Any]]:
    """Returns all draws, by name."""
    random, found = keras.random, {}
    for shape in SHAPES:
        for dtype in FLOATS:
            name = f"{shape} {dtype}"
            found[f"uniform {name}"] = lambda s=shape, d=dtype: random.uniform(s, dtype=d, seed=11)
            found[f"uniform range {name}"] = lambda s=shape, d=dtype: random.uniform(s, -0.37, 1.9, dtype=d, seed=12)
            found[f"normal {name}"] = lambda s=shape, d=dtype: random.normal(s, dtype=d, seed=13)
            found[f"truncated_normal {name}"] = lambda s=shape, d=dtype: random.truncated_normal(s, dtype=d, seed=14)
            found[f"dropout {name}"] = lambda s=shape, d=dtype: random.dropout(some(s, d), 0.3, seed=15)
        for dtype, (low, high) in INTEGERS.items():
            found[f"randint {shape} {dtype}"] = lambda s=shape, d=dtype, a=low, b=high: random.randint(
                s, a, b, dtype=d, seed=16
            )
    for n in (1, 2, 1625, 1626, 40_000):
        found[f"shuffle {n}"] = lambda n=n: random.shuffle(keras.ops.arange(n), seed=17)
    found["shuffle rows"] = lambda: random.shuffle(keras.ops.reshape(keras.ops.arange(60), (5, 12)), axis=1, seed=18)
    logits = np.log(np.random.default_rng(0).random((20, 9))).astype("float32")
    found["categorical"] = lambda: random.categorical(keras.ops.convert_to_tensor(logits), 500, seed=19)
    found["noise shape"] = lambda: random.dropout(keras.ops.ones((3, 4, 5)), 0.5, noise_shape=(None, 1, 5), seed=20)
    found["large seed"] = lambda: random.uniform((9,), seed=2**32 - 1)
    return found


def main() -> None:
    digests, normals = {}, {}
    with samefit.pinned(1) as scope:
        for name, draw in cases().items():
            for way, run in [("eager", draw), *(compiled(draw) if "(70001,)" in name or "(" not in name else ())]:
                values = array(run())
                if "normal" in name:
                    normals[f"{name} {way}"] = values
                else:
                    digests[f"{name} {way}"] = hashlib.sha256(values.tobytes()).hexdigest()[:16] + str(values.shape)
        digests["unseeded eager"] = (
            array(keras.random.uniform((3,))).tolist() + array(keras.random.uniform((2,))).tolist()
        )
        keras.random.gamma((2,), 1.0, seed=1)
        generator = keras.random.SeedGenerator(5)
        digests["generator eager"] = [array(keras.random.uniform((2,), seed=generator)).tolist() for _ in range(3)]
    np.savez(sys.argv[1], **normals)
    sys.stdout.write(json.dumps({"digests": digests, "limits": [limit.kind for limit in scope.report.limits]}))


if __name__ == "__main__":
    main()
