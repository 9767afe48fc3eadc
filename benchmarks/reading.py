"""What it takes to digest the weights of a model that lie on a device: copies to the host, xxh3 there, or XLA.

python benchmarks/reading.py    # with JAX, on the device that it picks
"""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import xxhash

MODELS = {
    "cnn": [(3, 3, 1, 16), (16,), (3, 3, 16, 32), (32,), (1152, 256), (256,), (256, 10), (10,)] * 3 + [(32,)] * 12,
    "large": [(496, 2048), (2048,), (2048, 2048), (2048,), (2048, 2048), (2048,), (2048, 10), (10,)] * 3,
}
"""Shapes of weights and of the slots of Adam, as in `training.py`."""

LANES = (0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)
REPEATS = 15


def mixed(words):
    """The finaliser of a 32-bit hash: each bit moves about half of all others."""
    words = (words ^ (words >> 16)) * np.uint32(0x7FEB352D)
    words = (words ^ (words >> 15)) * np.uint32(0x846CA68B)
    return words ^ (words >> 16)


def digest(values):
    """128 bits over the words of an array and their places."""
    words = jax.lax.bitcast_convert_type(values.reshape(-1), jnp.uint32)
    places = jnp.arange(words.size, dtype=jnp.uint32)
    return jnp.stack([jnp.sum(mixed(words * np.uint32(k) ^ mixed(places + np.uint32(k)))) for k in LANES])


def milliseconds(make, use):
    """Returns the median time that `use` takes for what `make` has made anew."""
    seconds = []
    for _ in range(REPEATS + 2):
        made = make()
        begun = time.perf_counter()
        use(made)
        seconds.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(seconds[2:])


def main():
    """Prints a line for each model."""
    random = np.random.default_rng(0)
    digests = jax.jit(lambda arrays: jnp.stack([digest(array) for array in arrays]))
    copies = jax.jit(lambda arrays: [array + 0 for array in arrays])
    for name, shapes in MODELS.items():
        host = [random.standard_normal(shape, dtype="float32") for shape in shapes]
        there = [jnp.asarray(array) for array in host]

        def fresh(there=there):
            return jax.block_until_ready(copies(there))

        copy = milliseconds(fresh, jax.device_get)
        on_host = milliseconds(lambda host=host: host, lambda arrays: [xxhash.xxh3_128_digest(a) for a in arrays])
        on_device = milliseconds(fresh, lambda arrays: np.asarray(digests(arrays)))
        size = sum(array.nbytes for array in host) / 1e6
        print(
            f"{name}: {len(shapes)} arrays, {size:.1f} MB: copied {copy:.2f} ms, xxh3 {on_host:.2f} ms, "
            f"by XLA {on_device:.2f} ms on {jax.devices()[0].device_kind}"
        )


main()
