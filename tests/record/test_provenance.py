"""Where layers, seeds and first values came from, with stand-ins for Keras's objects."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samefit.record.ledger import Ledger
from samefit.record.provenance import Provenance
from samefit.store.digest import state_digest
from samefit.store.records import Event
from samefit.transplant.plan import Transplants


class Backend:
    """A backend whose variables hold arrays."""

    @staticmethod
    def is_compiling() -> bool:
        return False

    def host_value(self, variable: Any) -> Any:
        return variable.value


class RandomInitializer:
    def __init__(self, seed: Any = None) -> None:
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RandomInitializer:
        return cls(**config)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.full(shape, float(self.seed or 0))


class Zeros:
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return np.zeros(shape)


class Variable:
    def __init__(self, value: Any, name: str = "kernel") -> None:
        self.value = value
        self.name, self.path = name, f"owner/{name}"
        self.shape, self.dtype = (2,), "float32"


class Dense:
    """A layer."""


class Adding:
    """An operation."""

    _call_has_training_arg = False


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def provenance(ledger: Ledger) -> Provenance:
    return Provenance(ledger, Backend(), Transplants())  # type: ignore[arg-type]


def test_layers_are_counted_by_class_and_side(provenance: Provenance) -> None:
    first, second, other = Dense(), Dense(), Adding()
    for thing in (first, second, other):
        provenance.constructing(thing, type(thing))
    assert [provenance.construction(thing).ordinal for thing in (first, second, other)] == [0, 1, 0]
    where = provenance.construction(second).location
    assert where is not None
    assert (where.file, where.code) == (__file__, "provenance.constructing(thing, type(thing))")
    provenance.begin_side()
    third = Dense()
    provenance.constructing(third, Dense)
    assert provenance.construction(third).ordinal == 0


def test_what_was_made_before_the_recording_is_known_to_be_unknown(provenance: Provenance) -> None:
    made = provenance.construction(Dense())
    assert (made.ordinal, made.location, made.event) == (0, None, -1)


def noted(ledger: Ledger) -> list[Event]:
    events: list[Event] = []
    ledger.connect(events.append, lambda point, states: None)
    return events


def drawn(ledger: Ledger, value: int) -> Any:
    def draw() -> int:
        ledger.note("draw", generator="python")
        return value

    return draw


def test_a_seed_that_keras_draws_and_one_that_the_user_gives(ledger: Ledger, provenance: Provenance) -> None:
    unseeded, seeded = RandomInitializer(), RandomInitializer(5)
    unseeded.seed = provenance.seed_wanted(drawn(ledger, 42))
    provenance.seeded(unseeded, None)
    provenance.seeded(seeded, 5)
    first, second = provenance.seed_of(unseeded), provenance.seed_of(seeded)
    assert first is not None
    assert second is not None
    assert (first.explicit, first.draw, first.event, first.value) == (False, 0, 0, 42)
    assert (second.explicit, second.draw, second.event, second.value) == (True, None, None, 5)
    assert provenance.seed_of(RandomInitializer()) is None


def test_a_rerun_gives_the_other_sides_seed_and_draws_all_the_same(ledger: Ledger) -> None:
    transplants = Transplants([{"do": "seeds", "side": "", "values": {"1": 7}}])
    provenance = Provenance(ledger, Backend(), transplants)  # type: ignore[arg-type]
    assert [provenance.seed_wanted(drawn(ledger, value)) for value in (42, 43)] == [42, 7]
    assert ledger.last_id == 1


def made(provenance: Provenance, initializer: Any, value: Any) -> Variable:
    variable = Variable(value)
    used = provenance.initializing(initializer)
    provenance.variable_made(variable, used)
    return variable


def test_where_a_first_value_came_from(provenance: Provenance) -> None:
    one = RandomInitializer(5)
    provenance.seeded(one, 5)
    variables = [made(provenance, one, np.ones(2)), made(provenance, one, np.ones(2))]
    origins = [known.origin for known in map(provenance.made, variables) if known is not None]
    assert [o.initializer for o in origins] == ["RandomInitializer"] * 2
    assert [(o.seed, o.seed_is_explicit, o.initializer_id, o.number) for o in origins] == [
        (5, True, 0, 0),
        (5, True, 0, 1),
    ]
    assert origins[0].digest == state_digest(np.ones(2))
    other = provenance.made(made(provenance, RandomInitializer(6), np.ones(2)))
    assert other is not None
    assert other.origin.initializer_id == 1


def test_zeros_and_arrays_are_no_random_variables(provenance: Provenance) -> None:
    zeros = provenance.made(made(provenance, Zeros(), np.zeros(2)))
    array = provenance.made(made(provenance, np.ones(2), np.ones(2)))
    assert zeros is not None
    assert array is not None
    assert (zeros.origin.initializer, zeros.origin.number, zeros.origin.digest) == ("Zeros", None, None)
    assert (array.origin.initializer, array.origin.number) == ("value", None)
    assert array.origin.digest == state_digest(np.ones(2))


def test_a_value_that_comes_later(provenance: Provenance) -> None:
    variable = made(provenance, RandomInitializer(5), None)
    known = provenance.made(variable)
    assert known is not None
    assert known.origin.digest is None
    variable.value = np.ones(2)
    provenance.variable_ready(variable)
    assert known.origin.digest == state_digest(np.ones(2))
    # What the training makes of it is not its first value.
    variable.value = np.zeros(2)
    provenance.variable_ready(variable)
    assert known.origin.digest == state_digest(np.ones(2))


def test_a_rerun_gives_a_variable_an_initialiser_of_its_own(ledger: Ledger) -> None:
    transplants = Transplants([{"do": "initializers", "side": "", "seeds": {"1": 9}}])
    provenance = Provenance(ledger, Backend(), transplants)  # type: ignore[arg-type]
    shared = RandomInitializer(5)
    assert provenance.initializing(shared) is shared
    assert provenance.initializing(shared).seed == 9


def test_an_assignment_of_the_user(ledger: Ledger, provenance: Provenance) -> None:
    variable = made(provenance, RandomInitializer(5), np.ones(2))
    known = provenance.made(variable)
    assert known is not None
    with ledger.context("fit", 1):
        provenance.assigned(variable)
    provenance.in_step = True
    provenance.assigned(variable)
    provenance.in_step = False
    assert known.origin.assigned is None
    provenance.assigned(variable)
    assert known.origin.assigned == "assign"
    assert known.origin.assigned_location is not None
    assert known.origin.assigned_location.code == "provenance.assigned(variable)"
    assert [event.kind for event in noted(ledger)] == []


def test_a_learning_rate_that_the_user_sets_is_in_the_ledger(ledger: Ledger, provenance: Provenance) -> None:
    rate = Variable(np.ones(2), "learning_rate")
    provenance.variable_made(rate, 0.1)
    provenance.assigned(rate)
    (event,) = noted(ledger)
    assert (event.kind, event.component) == ("assign", "owner/learning_rate")
    assert event.location is not None
    assert event.location.code == "provenance.assigned(rate)"


class Vocabulary:
    """A layer of Keras's that has learned words; `variables` are those of a layer that keeps numbers."""

    variables = ()

    def __init__(self, *words: str) -> None:
        self.get_vocabulary = lambda: words


class Numbers:
    """A layer of Keras's that has learned numbers."""

    def __init__(self, value: float) -> None:
        self.variables = [Variable(np.full(2, value))]


def test_what_a_layer_has_learned_is_in_the_ledger(ledger: Ledger, provenance: Provenance) -> None:
    for layer in (Vocabulary("a", "b"), Vocabulary("a", "b"), Vocabulary("ab"), Numbers(1), Numbers(1), Numbers(2)):
        type(layer).__module__ = "keras.src.layers"
        provenance.adapted(layer)
    events = noted(ledger)
    first, again, other, one, same, two = (event.value for event in events)
    assert first == again != other
    assert one == same != two
    assert {(event.kind, event.function) for event in events} == {
        ("adapt", "Vocabulary.adapt"),
        ("adapt", "Numbers.adapt"),
    }


def test_a_layer_of_the_users_own_is_not_asked_what_it_has_learned(ledger: Ledger, provenance: Provenance) -> None:
    class Own:
        def get_vocabulary(self) -> list[str]:
            raise AssertionError("this is code of the user's")

    provenance.adapted(Own())
    assert noted(ledger) == []


# -- calls --------------------------------------------------------------------------------------------------------


@pytest.fixture
def masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for Keras's table of masks."""
    module = SimpleNamespace(get_keras_mask=lambda tensor: getattr(tensor, "mask", None))
    monkeypatch.setitem(sys.modules, "keras.src.backend.common.masking", module)


class Tensor:
    def __init__(self, *shape: Any, mask: Any = None) -> None:
        self.shape, self.mask = shape, mask


@pytest.mark.usefixtures("masks")
def test_calls_are_noted_in_order_with_mode_mask_and_shape(provenance: Provenance) -> None:
    layer, operation = Dense(), Adding()
    layer._call_has_training_arg = True  # type: ignore[attr-defined]
    provenance.start_capture()
    assert provenance.capturing

    def inner() -> Tensor:
        return provenance.called(operation, (Tensor(2, mask="m"),), {}, lambda: Tensor(None, 3))  # type: ignore[no-any-return]

    provenance.called(layer, (Tensor(2),), {"training": True}, inner)
    calls = provenance.end_capture()
    assert [(c.operation, c.depth, c.training) for c in calls] == [(layer, 0, True), (operation, 1, None)]
    assert [(c.mask_in, c.mask_out) for c in calls] == [(False, False), (True, False)]
    assert calls[1].shapes == ((None, 3),)
    assert not provenance.capturing


@pytest.mark.usefixtures("masks")
def test_a_layer_inherits_the_mode_of_the_one_that_calls_it(provenance: Provenance) -> None:
    outer, inner = Dense(), Dense()
    outer._call_has_training_arg = inner._call_has_training_arg = True  # type: ignore[attr-defined]
    provenance.start_capture()
    provenance.called(outer, (), {"training": True}, lambda: provenance.called(inner, (), {}, lambda: None))
    assert [c.training for c in provenance.end_capture()] == [True, True]


@pytest.mark.usefixtures("masks")
def test_the_first_update_ends_the_forward_pass(provenance: Provenance) -> None:
    updates: list[int] = []
    provenance.on_update = lambda: updates.append(1)
    provenance.start_capture()
    provenance.in_step = True
    provenance.called(Dense(), (), {}, lambda: None)
    provenance.applying(None)
    assert not provenance.capturing
    provenance.in_step = False
    assert len(provenance.end_capture()) == 1
    assert updates == []
    provenance.applying(None)
    assert updates == [1]
