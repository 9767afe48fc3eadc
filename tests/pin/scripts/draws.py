"""Draws through `keras.random` inside of a scope, eager and compiled; prints digests, and writes normals to a file."""

from __future__ import annotations

import functools
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


def drawn(name: str, draw: Callable[[Any], Any]) -> Callable[[], Any]:
    """Returns a draw with a generator of its own: a plain integer keeps what it gives on each backend."""
    generator = keras.random.SeedGenerator(2**31 - 1 if name == "large seed" else 11)
    return lambda: draw(generator)


def compiled(make: Callable[[], Callable[[], Any]]) -> list[tuple[str, Callable[[], Any]]]:
    """Returns the ways of this backend to run a function without arguments; each has one of its own."""
    name = keras.backend.backend()
    if name == "jax":
        import jax

        return [("jit", jax.jit(make()))]
    if name == "tensorflow":
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        return [("graph", tf.function(make())), ("XLA", tf.function(make(), jit_compile=True))]
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


def cases() -> dict[str, Callable[[Any], Any]]:
    """Returns all draws, by name; each takes its seed."""
    random, found = keras.random, {}
    for shape in SHAPES:
        for dtype in FLOATS:
            name = f"{shape} {dtype}"
            found[f"uniform {name}"] = lambda seed, s=shape, d=dtype: random.uniform(s, dtype=d, seed=seed)
            found[f"uniform range {name}"] = lambda seed, s=shape, d=dtype: random.uniform(
                s, -0.37, 1.9, dtype=d, seed=seed
            )
            found[f"normal {name}"] = lambda seed, s=shape, d=dtype: random.normal(s, dtype=d, seed=seed)
            found[f"truncated_normal {name}"] = lambda seed, s=shape, d=dtype: random.truncated_normal(
                s, dtype=d, seed=seed
            )
            found[f"dropout {name}"] = lambda seed, s=shape, d=dtype: random.dropout(some(s, d), 0.3, seed=seed)
        for dtype, (low, high) in INTEGERS.items():
            found[f"randint {shape} {dtype}"] = lambda seed, s=shape, d=dtype, a=low, b=high: random.randint(
                s, a, b, dtype=d, seed=seed
            )
    for n in (1, 2, 1625, 1626, 40_000):
        found[f"shuffle {n}"] = lambda seed, n=n: random.shuffle(keras.ops.arange(n), seed=seed)
    found["shuffle rows"] = lambda seed: random.shuffle(
        keras.ops.reshape(keras.ops.arange(60), (5, 12)), axis=1, seed=seed
    )
    logits = np.log(np.random.default_rng(0).random((20, 9))).astype("float32")
    found["categorical"] = lambda seed: random.categorical(keras.ops.convert_to_tensor(logits), 500, seed=seed)
    found["noise shape"] = lambda seed: random.dropout(
        keras.ops.ones((3, 4, 5)), 0.5, noise_shape=(None, 1, 5), seed=seed
    )
    found["large seed"] = lambda seed: random.uniform((9,), seed=seed)
    return found


def main() -> None:
    digests, normals = {}, {}
    with samefit.pinned(1) as scope:
        for name, draw in cases().items():
            ways = [("eager", drawn(name, draw))]
            if "(70001,)" in name or "(" not in name:
                ways += compiled(functools.partial(drawn, name, draw))
            for way, run in ways:
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
