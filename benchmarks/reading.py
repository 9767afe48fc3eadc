"""What it takes to digest the weights of a model that lie on a device: on the host, with copies to it, or in place.

python benchmarks/reading.py    # with JAX, on the device that it picks
"""

import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

from samefit.backends import in_place_jax
from samefit.backends.jax import ADAPTER
from samefit.store.digest import digest

MODELS = {
    "cnn": [(3, 3, 1, 16), (16,), (3, 3, 16, 32), (32,), (1152, 256), (256,), (256, 10), (10,)] * 3 + [(32,)] * 12,
    "large": [(496, 2048), (2048,), (2048, 2048), (2048,), (2048, 2048), (2048,), (2048, 10), (10,)] * 3,
    "many": [(256 + i, 300) for i in range(150)] * 3,
}
"""Shapes of weights and of the slots of Adam; two as in `training.py`, one with a shape of its own for each layer."""

REPEATS = 15


def milliseconds(make, use):
    """Returns the median time that `use` takes for what `make` has made anew, and that of the first call."""
    seconds = []
    for _ in range(REPEATS + 2):
        made = make()
        begun = time.perf_counter()
        use(made)
        seconds.append(time.perf_counter() - begun)
    return 1e3 * statistics.median(seconds[2:]), 1e3 * seconds[0]


def main():
    """Prints a line for each model."""
    random = np.random.default_rng(0)
    copies = jax.jit(lambda arrays: [array + 0 for array in arrays])
    for name, shapes in MODELS.items():
        host = [random.standard_normal(shape, dtype="float32") for shape in shapes]
        there = [jnp.asarray(array) for array in host]

        def fresh(there=there):
            return jax.block_until_ready(copies(there))

        copy, _ = milliseconds(fresh, jax.device_get)
        on_host, _ = milliseconds(lambda host=host: host, lambda arrays: [digest(array) for array in arrays])
        in_place, first = milliseconds(fresh, lambda arrays: in_place_jax.readings(arrays, ADAPTER.to_numpy_many))
        size = sum(array.nbytes for array in host) / 1e6
        print(
            f"{name}: {len(shapes)} arrays, {size:.1f} MB: copied {copy:.2f} ms, digested there {on_host:.2f} ms, "
            f"in place {in_place:.2f} ms (the first time {first:.0f} ms) on {jax.devices()[0].device_kind}"
        )


main()
