"""Entropy that NumPy takes and drops is told from entropy that is used."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np

from samefit.calls import called_otherwise, literal_argument, makes_seeded_generator, seed_of_random_state


def RandomState(seed: object = None) -> bool:  # noqa: N802 - stands for NumPy's
    return makes_seeded_generator(sys._getframe(1))


def Philox(seed: object = None, key: object = None) -> bool:  # noqa: N802 - stands for NumPy's
    return makes_seeded_generator(sys._getframe(1))


def default_rng(seed: object = None) -> bool:
    return makes_seeded_generator(sys._getframe(1))


class Random:
    RandomState = staticmethod(RandomState)


def test_a_seed_or_a_key_is_seen() -> None:
    seed, nothing, numbers = 3, None, [1, 2]
    assert RandomState(3)
    assert RandomState(seed)
    assert RandomState(seed=seed)
    assert RandomState(numbers[0] + 1)
    assert Random.RandomState(
        seed,
    )
    assert Philox(key=7)
    assert not RandomState()
    assert not RandomState(None)
    assert not RandomState(nothing)
    assert not RandomState(seed=nothing)
    holder = SimpleNamespace(seed=3, nothing=None)
    assert RandomState(holder.seed)
    assert not RandomState(holder.nothing)
    assert not default_rng(3), "its seed is used, so it takes no entropy: what takes some is unseeded"


def test_code_without_a_source_counts_as_unseeded() -> None:
    assert not eval("RandomState(3)")


def seen(seed: object = None) -> int | None:
    return seed_of_random_state(sys._getframe(1))


def test_the_seed_of_a_random_state_is_read() -> None:
    RandomState = seen  # noqa: N806 - stands for NumPy's
    seed, holder = 4, SimpleNamespace(seed=5)
    assert (RandomState(3), RandomState(seed), RandomState(seed=holder.seed)) == (3, 4, 5)
    assert RandomState(np.int64(6)) is None, "a call is not carried out to know its value"
    number = np.int64(6)
    assert RandomState(number) == 6
    assert RandomState() is None
    assert RandomState([1, 2]) is None
    assert RandomState(True) is None
    assert seen(3) is None


def by_another_name() -> str:
    return called_otherwise(sys._getframe(1))


def test_what_is_called_by_another_name_is_looked_up() -> None:
    class RandomState:
        def __new__(cls) -> str:  # type: ignore[misc]
            return called_otherwise(sys._getframe(1))

    RS, holder = RandomState, SimpleNamespace(Any=RandomState)  # noqa: N806 - as an import names it
    assert (RS(), holder.Any()) == ("numpy.random.RandomState",) * 2
    assert RandomState() == "", "its own name stands in the line"
    assert by_another_name() == ""
    assert not eval("RS()"), "without its source, a line says nothing"
    make = default_rng_named
    assert make() == "numpy.random.default_rng"


def default_rng_named() -> str:
    return called_otherwise(sys._getframe(1))


default_rng_named.__name__ = "default_rng"


class MT19937:
    """Stands for NumPy's: tells whether it is made with a seed."""

    def __init__(self, seed: object = None) -> None:
        self.seeded = makes_seeded_generator(sys._getframe(1))


class Dice(MT19937):
    def __init__(self, name: str, seed: object = None) -> None:
        super().__init__(seed)


class Coin(MT19937):
    pass


class Anyone(MT19937):
    def __init__(self, name: str) -> None:
        MT19937.__init__(self)


def test_another_name_and_a_class_of_the_user_s_are_known() -> None:
    Twister, holder = MT19937, SimpleNamespace(make=MT19937)  # noqa: N806 - a class
    assert Twister(3).seeded
    assert holder.make(3).seeded
    assert Coin(3).seeded
    assert Dice("dice", 3).seeded
    assert not Twister().seeded
    assert not Coin().seeded
    assert not Dice("dice").seeded
    assert not Anyone("a name").seeded


def test_a_constant_that_is_written_in_a_call_is_read() -> None:
    def layer(x: int, training: bool | None = None) -> object:
        return literal_argument(sys._getframe(1), "training")

    training = True
    assert layer(1, training=False) is False
    assert layer(
        1,
        training=True,
    )
    assert layer(1, training=training) is None
    assert layer(1) is None
    assert eval("layer(1, training=True)", {"layer": layer}) is None
