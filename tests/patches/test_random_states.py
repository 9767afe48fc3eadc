"""What libraries take of NumPy's `RandomState`: seen in the ledger, given another seed in a re-run, else as it is."""

from __future__ import annotations

import importlib
import pickle
import secrets
from collections.abc import Iterator
from functools import singledispatch
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import KFold, train_test_split

from samefit.patches import generators
from samefit.patches.patching import Patches
from samefit.record.ledger import Ledger
from samefit.store.records import Event

SHARED = np.random.mtrand._rand


class Watched:
    """A ledger with the hooks in place."""

    def __init__(self, patches: Patches, seed: int | None, replayed: Any) -> None:
        self.events: list[Event] = []
        self.ledger = Ledger()
        self.ledger.connect(self.events.append, lambda point, states: None)
        if seed is not None:
            self.ledger.replace_seed = lambda value, where, function: seed
        self.ledger.replay_entropy = replayed
        generators.watch_entropy(patches, self.ledger)
        # In a run that is recorded NumPy is imported only now, and binds what is there.
        bits = importlib.import_module("numpy.random.bit_generator")
        patches.replace(bits, "randbits", lambda original: secrets.randbits, checked_on="NumPy 2.4")
        generators.watch_numpy(patches, self.ledger)

    def told(self) -> list[tuple[str, str, str, Any]]:
        return [(e.kind, e.function, e.keras, e.value) for e in self.events if e.kind in ("create", "draw")]


@pytest.fixture
def watched() -> Iterator[Any]:
    patches = Patches()
    yield lambda seed=None, replayed=None: Watched(patches, seed, replayed)
    patches.undo()
    assert type(np.random.mtrand) is ModuleType


def order(**options: Any) -> list[int]:
    first, _ = next(KFold(2, shuffle=True, **options).split(np.arange(12)))
    return list(first)


def test_a_seed_that_the_user_gave_a_library_is_recorded(watched: Any) -> None:
    seen = watched()
    order(random_state=3)
    train_test_split(np.arange(8), random_state=np.int64(4))
    assert seen.told() == [
        ("create", "numpy.random.RandomState", "KFold.split", 3),
        ("create", "numpy.random.RandomState", "train_test_split", 4),
    ]
    assert all(event.location is not None and event.location.file == __file__ for event in seen.events)


def test_a_generator_of_the_users_line_is_recorded(watched: Any) -> None:
    seen = watched()
    seed = 5
    made = np.random.RandomState(seed)
    assert type(made) is np.random.RandomState
    assert seen.told() == [("create", "numpy.random.RandomState", "", 5)]


def test_a_library_without_a_seed_takes_the_generator_of_the_process(watched: Any) -> None:
    seen = watched()
    np.random.seed(3)
    expected = list(np.random.RandomState(3).permutation(12))
    order()
    assert np.random.mtrand._rand is SHARED
    told = [each for each in seen.told() if each[0] == "draw"]
    assert told == [("draw", "KFold.split without a seed", "check_random_state", None)]
    np.random.seed(3)
    assert list(np.random.permutation(12)) == expected


def test_a_generator_that_the_user_puts_there_is_the_one_that_libraries_take(watched: Any, monkeypatch: Any) -> None:
    seen = watched()
    expected = order(random_state=np.random.RandomState(8))
    monkeypatch.setattr(np.random.mtrand, "_rand", np.random.RandomState(8))
    assert order() == expected
    assert seen.told()[-1] == ("draw", "KFold.split without a seed", "check_random_state", None)


def test_a_library_that_is_imported_takes_nothing_for_the_user(watched: Any, tmp_path: Path, monkeypatch: Any) -> None:
    """SciPy's distributions take it, each of them."""
    seen = watched()
    home = tmp_path / "site-packages"
    home.mkdir()
    (home / "taken.py").write_text("import sklearn.utils\nSTATE = sklearn.utils.check_random_state(None)\n")
    monkeypatch.syspath_prepend(str(home))
    assert importlib.import_module("taken").STATE is SHARED
    assert seen.told() == []


def test_a_rerun_gives_another_seed(watched: Any) -> None:
    one, other = order(random_state=1), order(random_state=2)
    assert one != other
    seen = watched(1)
    assert order(random_state=2) == one
    assert order() == one
    assert seen.told()[0] == ("create", "numpy.random.RandomState", "KFold.split", 1)
    assert len(seen.told()) == 1


def test_the_module_can_be_sent_to_another_process(watched: Any) -> None:
    """With a function that uses it: cloudpickle, by which joblib sends those of a script, asks it as pickle does."""
    watched()
    module = np.random.mtrand
    assert pickle.loads(pickle.dumps(module)) is module


def test_a_class_of_the_user_s_that_takes_more_than_a_seed_is_made_in_a_rerun(watched: Any) -> None:
    watched(1)

    class Own(np.random.RandomState):
        def __init__(self, name: str, *, seed: int) -> None:
            super().__init__(seed)
            self.name = name

    made = Own("dice", seed=3)
    assert (made.name, made.random()) == ("dice", SHARED.__class__(3).random())


def test_a_rerun_gives_a_seed_to_one_that_has_none(watched: Any) -> None:
    taken: list[Any] = []

    def replay(*take: Any) -> int | None:
        taken.append(take)
        return 7 if take[0] == "numpy.random.RandomState" and len(taken) == 1 else None

    expected = np.random.RandomState(7).random()
    seen = watched(replayed=replay)
    assert np.random.RandomState().random() == expected
    assert taken == [("numpy.random.RandomState", "assert np.random.RandomState().random() == expected", None)]
    assert seen.told() == [("create", "numpy.random.RandomState", "", 7)]
    assert np.random.RandomState(seed=None).random() != expected, "the plan has no other"
    assert [(e.kind, e.function) for e in seen.events[-1:]] == [("entropy", "secrets.randbits")]
    assert type(np.random.RandomState(9)) is type(SHARED)
    assert seen.told()[1:] == [("create", "numpy.random.RandomState", "", 9)]


def test_what_stands_in_for_the_class_takes_the_same_objects_for_its_own(watched: Any) -> None:
    original = np.random.RandomState
    watched(1)
    stand = np.random.RandomState
    assert stand is not original
    assert isinstance(SHARED, stand)
    assert isinstance(SHARED, np.random.Generator | np.random.RandomState)
    assert not isinstance(3, stand)
    assert issubclass(original, stand)
    assert type(stand(7)) is original
    assert stand(7).random() == original(1).random()
    assert type(pickle.loads(pickle.dumps(stand(7)))) is original

    class Own(stand):  # type: ignore[misc, valid-type]
        pass

    assert type(Own(7)) is Own
    assert not isinstance(SHARED, Own)

    @singledispatch
    def kind(value: Any) -> str:
        return "another"

    kind.register(stand, lambda value: "a state")
    assert kind(SHARED) == "a state"
