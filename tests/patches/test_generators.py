"""Watched functions are what they stand in for wherever they are not called."""

from __future__ import annotations

import copy
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from samefit.patches import generators
from samefit.patches.patching import Patches
from samefit.record.ledger import Ledger


@pytest.fixture
def patches() -> Iterator[Patches]:
    patches, ledger = Patches(), Ledger()
    generators.watch_python(patches, ledger)
    generators.watch_entropy(patches, ledger)
    generators.watch_numpy(patches, ledger)
    yield patches
    patches.undo()


NAMES = (
    "random.random",
    "random.seed",
    "random.randint",
    "np.random.normal",
    "np.random.seed",
    "np.random.default_rng",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_function_can_be_handed_to_another_process(patches: Patches, name: str) -> None:
    watched = eval(name, {"random": random, "np": np, "os": os})
    assert isinstance(watched, generators.Stand)
    arguments = {"random.random": (), "random.randint": (1, 6)}.get(name, (1,))
    pickled = pickle.dumps((watched, arguments))
    assert b"samefit" not in pickled
    program = "import pickle, sys; function, arguments = pickle.load(sys.stdin.buffer); function(*arguments)"
    done = subprocess.run([sys.executable, "-c", program], input=pickled, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_a_copy_is_one_of_what_it_stands_in_for(patches: Patches) -> None:
    np.random.seed(3)
    before = np.random.get_state()[1:3]
    assert copy.deepcopy(np.random.normal)() == np.random.RandomState(3).normal()
    # A copy of a bound method has a generator of its own.
    np.testing.assert_equal(np.random.get_state()[1:3], before)


def test_a_function_is_no_method_of_a_class_that_holds_it(patches: Patches) -> None:
    class Sampler:
        draw = random.random
        normal = np.random.normal

    random.seed(3)
    np.random.seed(3)
    drawn = Sampler().draw(), Sampler().normal(0.0, 2.0)
    patches.undo()
    random.seed(3)
    np.random.seed(3)
    assert drawn == (random.random(), np.random.normal(0.0, 2.0))


def test_a_function_keeps_its_name_and_its_documentation(patches: Patches) -> None:
    watched = np.random.normal
    assert watched.__name__ == "normal"
    assert "Gaussian" in (watched.__doc__ or "")


@pytest.mark.parametrize("kind", ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"])
def test_numpys_generator_of_any_kind_is_read_and_put_back(kind: str) -> None:
    kept = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(getattr(np.random, kind)(5))
        np.random.standard_normal(3)
        state = generators.read_numpy()
        assert state is not None
        drawn = np.random.standard_normal(5)
        assert generators.read_numpy() != state
        # Also where another kind has taken its place.
        np.random.set_bit_generator(np.random.PCG64(1) if kind == "MT19937" else np.random.MT19937(1))
        generators.write_numpy(state)
        assert generators.read_numpy() == state
        np.testing.assert_array_equal(np.random.standard_normal(5), drawn)
    finally:
        np.random.set_bit_generator(kept)
