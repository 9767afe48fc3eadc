"""A digest that is made where a tensor lies is the one that is made of its bytes on the host.

What a GPU does is done on the CPU here: integers are the same on both.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.live.checked import printed

from samefit.blocks import BLOCK

pytestmark = pytest.mark.usefixtures("not_on_tensorflow")

TENSORS = f"""
import json

import keras
import ml_dtypes
import numpy as np

from samefit.backends import load
from samefit.backends.in_place_{{backend}} import readings
from samefit.blocks import Blocks
from samefit.store.digest import blocks_digest, state_digest

backend, block = load("{{backend}}"), {BLOCK}
random = np.random.default_rng(0)
shapes = [(), (100,), (block // 4 - 1,), (block // 4,), (block // 4 + 1,), (3, 3, 64, 128), (0, 5), (700, 900)]
arrays = [random.standard_normal(shape).astype("float32") for shape in shapes]
arrays += [random.standard_normal((400, 500)).astype(dtype) for dtype in (ml_dtypes.bfloat16, "float16")]
arrays += [np.arange(70_000, dtype="int32"), np.ones((300, 300), "bool")]
special = random.integers(0, 2**32, 200_000, dtype="uint32").view("float32")  # NaN with payloads, infinities, -0.0
values = [keras.ops.convert_to_tensor(array, dtype=array.dtype.name) for array in [*arrays, special]]
values.append(keras.ops.transpose(values[7]))
"""

ODD_TORCH = """
import torch

long = torch.from_numpy(np.tile(special, 2))
large = [long[::2], long.view(-1, 2)[:, 0], torch.ones(1).expand(100_000), torch.real(torch.complex(long, long))]
values[-4:] = large
"""

ODD_JAX = """
import jax
from jax.sharding import NamedSharding, PartitionSpec

one = jax.devices()[0]
mesh = jax.make_mesh((1,), ("x",), axis_types=(jax.sharding.AxisType.Explicit,), devices=[one])
values[-1] = jax.device_put(arrays[7], NamedSharding(mesh, PartitionSpec(None, "x")))
"""

NO_MEMORY = """
from samefit.backends import in_place_{backend}


def without_memory(large):
    raise RuntimeError("out of memory")


in_place_{backend}._sums_and_rests = without_memory
"""

COMPARED = """
expected = [state_digest(backend.to_numpy(value)) for value in values]
found = readings(values, backend.to_numpy_many)
digests = [blocks_digest(one) if isinstance(one, Blocks) else state_digest(one) for one in found]
few = readings(values[:3], backend.to_numpy_many)
print(json.dumps([
    [a == b for a, b in zip(expected, digests, strict=True)],
    [isinstance(one, Blocks) for one in found],
    [isinstance(one, Blocks) for one in few],
]))
"""

STRICT = """
import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_debug_nans", True)
"""

SLABS = """
from samefit.backends import in_place_torch
in_place_torch._AT_ONCE = 3 * block
"""


@pytest.fixture
def not_on_tensorflow(each_backend: str) -> None:
    if each_backend == "tensorflow":
        pytest.skip("reads its variables on the host")


@pytest.mark.parametrize("options", [{}, {"jax": STRICT, "torch": SLABS}], ids=["plain", "options"])
def test_digests_made_in_place_are_those_of_the_host(
    each_backend: str, tmp_path: Path, options: dict[str, str]
) -> None:
    script = TENSORS.replace("{backend}", each_backend) + options.get(each_backend, "") + COMPARED
    equal, in_place, few = json.loads(printed(tmp_path, each_backend, script))
    assert equal == [True] * 14
    # float32 of a block and more, bfloat16 and float16; no integers, which are widened first, and nothing small.
    assert in_place == [False] * 3 + [True] * 3 + [False, True, True, True, False, False, True, True]
    assert few == [False] * 3


RUNS = """
import json
import sys

import keras
import numpy as np

import samefit
from samefit.backends import in_place_{backend} as in_place
from samefit.backends.{backend} import ADAPTER
from samefit.blocks import Blocks
from samefit.store.reader import Run


def train(run):
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(256, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input((300,)), *layers])
    model.compile("adam", "mse")
    x = np.random.default_rng(1).standard_normal((64, 300)).astype("float32")
    with samefit.Recorder(run, every_step=True):
        model.fit(x, x[:, :2], batch_size=16, epochs=2, verbose=0, callbacks=[keras.callbacks.Callback()])
    recorded = Run.open(run)
    ends = [recorded.state_before(0), *(recorded.state_after(step) for step in range(8))]
    return [state.digests.hex() for state in ends]


on_host = train("host.run")
made = []


def readings(self, values):
    found = in_place.readings(values, self.to_numpy_many)
    made.extend(one for one in found if isinstance(one, Blocks))
    return found


type(ADAPTER).readings = readings
print(json.dumps([train("place.run") == on_host, len(on_host), len(made)]))
"""


def test_a_run_whose_states_are_digested_in_place_is_the_same(each_backend: str, tmp_path: Path) -> None:
    equal, states, in_place = json.loads(printed(tmp_path, each_backend, RUNS.replace("{backend}", each_backend)))
    assert equal
    assert states == 9
    assert in_place >= 3 * 8  # the wide kernel and its two slots, after each step


def test_a_tensor_that_is_no_plain_piece_of_memory_has_its_digest(each_backend: str, tmp_path: Path) -> None:
    odd = {"jax": ODD_JAX, "torch": ODD_TORCH}[each_backend]
    script = TENSORS.replace("{backend}", each_backend) + odd + COMPARED
    equal, _, _ = json.loads(printed(tmp_path, each_backend, script))
    assert equal == [True] * 14


def test_without_memory_for_it_tensors_are_read_on_the_host(each_backend: str, tmp_path: Path) -> None:
    script = (TENSORS + NO_MEMORY).replace("{backend}", each_backend) + COMPARED
    equal, in_place, _ = json.loads(printed(tmp_path, each_backend, script))
    assert equal == [True] * 14
    assert in_place == [False] * 14
