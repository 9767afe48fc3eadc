"""What is known of copies goes with them."""

from __future__ import annotations

from samefit.patches import pin_initializers
from samefit.pin.copies import Copies
from samefit.pin.registry import Weight


class Variable:
    _shape = ()
    _dtype = "float32"


def test_of_copies_that_are_gone_nothing_is_kept() -> None:
    network, other = Variable(), Variable()
    entries = {id(network): Weight(0, None, True, False), id(other): Weight(1, None, True, False)}
    copies = Copies("jax", lambda thing: entries.get(id(thing)))
    for _ in range(50):
        copies.assigned(Variable(), network)
    living = Variable()
    copies.assigned(living, network)
    assert {number: len(of) for number, of in copies._copies.items()} == {0: 1}
    copies.assigned(living, other)
    assert {number: len(of) for number, of in copies._copies.items()} == {1: 1}
    copies.assigned(living, 3.0)
    assert not copies._copies


def test_a_function_of_no_module_is_none_of_keras() -> None:
    made: dict[str, object] = {}
    exec("def initializer(shape, dtype=None): return None", made)
    assert not pin_initializers.is_function_of_keras(made["initializer"])
