"""Watched functions are what they stand in for wherever they are not called."""

from __future__ import annotations

import copy
import importlib
import os
import pickle
import random
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from samefit.patches import generators
from samefit.patches.patching import Patches
from samefit.record.ledger import Ledger
from samefit.store.records import Event


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


@pytest.fixture
def entropy() -> Iterator[list[Event]]:
    """What was taken, while it is watched."""
    taken: list[Event] = []
    patches, ledger = Patches(), Ledger()
    ledger.connect(lambda event: taken.append(event) if event.kind == "entropy" else None, lambda *_: None)
    generators.watch_entropy(patches, ledger)
    # In a run that is recorded NumPy is imported only now, and binds what is there.
    bits = importlib.import_module("numpy.random.bit_generator")
    patches.replace(bits, "randbits", lambda original: secrets.randbits, checked_on="NumPy 2.4")
    yield taken
    patches.undo()


def test_an_object_of_python_s_that_has_no_seed_takes_entropy(entropy: list[Event]) -> None:
    made = random.Random()
    again = random.Random(5)
    again.seed()
    one, other = entropy
    assert one.function == other.function == "random.Random"
    assert (one.location and one.location.code, other.location and other.location.code) == (
        "made = random.Random()",
        "again.seed()",
    )
    for event, drawn in ((one, made), (other, again)):
        assert isinstance(event.value, int)
        assert drawn.random() == random.Random(event.value).random()


def test_one_with_a_seed_and_those_of_the_standard_library_take_none(entropy: list[Event]) -> None:
    assert random.Random(3).random() == random.Random(3).random()
    made = random.Random("a text")
    made.seed(4)
    with tempfile.TemporaryDirectory():
        assert next(tempfile._RandomNameSequence())  # type: ignore[attr-defined]
    assert entropy == []


class Own(random.Random):
    """One that says what it was seeded with."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)

    def seed(self, a: object = None, version: int = 2) -> None:
        self.given = a
        super().seed(a, version)  # type: ignore[arg-type]


class Anew(random.Random):
    """One that is not copied with its state."""

    def __reduce__(self) -> tuple[type[Anew], tuple[()]]:
        return Anew, ()


@pytest.mark.parametrize("made", [random.Random(5), Own(5), np.random.RandomState(5), np.random.default_rng(5)])
def test_one_that_is_given_the_state_of_another_takes_no_entropy(entropy: list[Event], made: Any) -> None:
    assert copy.deepcopy(made).random() == pickle.loads(pickle.dumps(made)).random() == copy.copy(made).random()
    assert entropy == []


def test_a_copy_that_is_given_no_state_takes_entropy(entropy: list[Event]) -> None:
    drawn = [pickle.loads(pickle.dumps(Anew(5))).random(), copy.deepcopy(Anew(5)).random(), Own().random()]
    assert [random.Random(event.value).random() for event in entropy] == drawn  # type: ignore[arg-type]


@pytest.mark.parametrize("replaced", [None, 7])
def test_one_with_a_seed_is_said_and_a_rerun_gives_another(replaced: int | None) -> None:
    expected = random.Random(replaced or 3).random()
    patches, ledger, events = Patches(), Ledger(), list[Event]()
    ledger.connect(events.append, lambda point, states: None)
    if replaced is not None:
        ledger.replace_seed = lambda value, where, function: replaced
    generators.watch_entropy(patches, ledger)
    try:
        made = random.Random(3)
        random.Random("a text")
    finally:
        patches.undo()
    assert made.random() == expected
    made.seed(4)
    told = [(e.kind, e.generator, e.function, e.value, e.location and e.location.code) for e in events]
    assert told == [("create", "own", "random.Random", replaced or 3, "made = random.Random(3)")]
