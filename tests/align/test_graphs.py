"""Pairing by data flow: whatever the order of lines, names and construction, and never by value."""

from __future__ import annotations

from tests.models_by_hand import RESIDUAL, Step, dense, make_probe

from samefit.align.graphs import align_probes


def names(found: object, a: object, b: object) -> set[tuple[str, str]]:
    return {(a.model.layers[i].name, b.model.layers[j].name) for i, j in found.layers}  # type: ignore[attr-defined]


def test_the_order_of_inputs_of_a_sum_does_not_matter() -> None:
    a = make_probe(RESIDUAL)
    other = (RESIDUAL[0], RESIDUAL[1], Step("Add", "c", ("a", "b"), "add"), RESIDUAL[3])
    b = make_probe(other)
    found = align_probes(a, b)
    assert (found.method, found.confidence) == ("data-flow", "certain")
    assert names(found, a, b) == {("d1", "d1"), ("d2", "d2"), ("head", "head")}


def test_branches_that_are_told_apart_by_what_they_are_pair_in_any_order() -> None:
    one = (dense("p", "a", "x", "relu"), dense("q", "b", "x", "tanh"), Step("Add", "c", ("a", "b")))
    other = (dense("r", "a", "x", "tanh"), dense("s", "b", "x", "relu"), Step("Add", "c", ("a", "b")))
    a, b = make_probe(one), make_probe(other)
    assert names(align_probes(a, b), a, b) == {("p", "s"), ("q", "r")}


def test_branches_that_can_be_exchanged_are_ambiguous() -> None:
    steps = (dense("p", "a", "x"), dense("q", "b", "x"), Step("Add", "c", ("a", "b")))
    found = align_probes(make_probe(steps), make_probe(steps))
    assert found.confidence == "ambiguous"
    assert "p, q are built alike" in found.note


def test_branches_whose_place_is_told_apart_by_what_follows_are_certain() -> None:
    one = (dense("p", "a", "x"), dense("q", "b", "x"), Step("Concatenate", "c", ("a", "b")))
    other = (dense("q", "b", "x"), dense("p", "a", "x"), Step("Concatenate", "c", ("a", "b")))
    a, b = make_probe(one), make_probe(other)
    found = align_probes(a, b)
    assert found.confidence == "certain"
    assert names(found, a, b) == {("p", "p"), ("q", "q")}


def test_weights_are_paired_within_their_layers() -> None:
    a, b = make_probe(RESIDUAL), make_probe(RESIDUAL, draw=7)
    found = align_probes(a, b)
    assert found.variables == tuple((i, i) for i in range(6))
    assert (found.only_in_a, found.only_in_b) == ((), ())


def test_what_is_left_over_is_paired_by_its_place() -> None:
    without = (RESIDUAL[0], RESIDUAL[1], dense("head", "d", "b", "linear"))
    a, b = make_probe(RESIDUAL), make_probe(without)
    found = align_probes(a, b)
    assert found.method == "in-part"
    assert names(found, a, b) == {("d1", "d1"), ("d2", "d2"), ("head", "head")}


def test_without_a_data_flow_layers_are_paired_as_they_ran() -> None:
    a = make_probe(RESIDUAL)
    b = make_probe(RESIDUAL, graph=type(a.graph)(failed="ValueError: no"))
    assert align_probes(a, b).method in ("path", "execution-order")
