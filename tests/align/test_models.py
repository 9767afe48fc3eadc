from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.handmade import LAYERS, Layer, dense, dropout, make_run, normalization

from samefit.align import Alignment, align_models
from samefit.store.records import LayerRecord, ModelRecord, VariableRecord
from samefit.types import Build, Role


def align(
    tmp_path: Path,
    a: tuple[Layer, ...],
    b: tuple[Layer, ...],
    orders: tuple[str, str] = ("execution", "execution"),
    listing: list[int] | None = None,
) -> tuple[Alignment, list[tuple[str, str]]]:
    """Aligns two hand-made models; returns the paths of the pairs as well."""
    first = make_run(tmp_path / "a", layers=a, order=orders[0])
    second = make_run(tmp_path / "b", layers=b, order=orders[1], listing=listing)
    found = align_models(first, first.models[1], first.layouts[0], second, second.models[1], second.layouts[0])
    return found, [(first.layouts[0][i].path, second.layouts[0][j].path) for i, j in found.pairs]


def test_equal_models_are_aligned_by_path(tmp_path: Path) -> None:
    found, paths = align(tmp_path, LAYERS, LAYERS)
    assert (found.method, found.confidence, found.note) == ("path", "certain", "")
    assert all(a == b for a, b in paths)
    assert len(paths) == 8 + 1 + 2 + 2 * 6  # weights, seed, iteration and learning rate, two slots a trainable weight
    assert found.layers == ((0, 0), (1, 1), (2, 2), (3, 3))


def test_other_names_are_aligned_by_execution_order(tmp_path: Path) -> None:
    renamed = tuple(replace(layer, name=f"x{i}") for i, layer in enumerate(LAYERS))
    found, paths = align(tmp_path, LAYERS, renamed)
    assert (found.method, found.confidence) == ("execution-order", "certain")
    assert ("dense_1/kernel", "x3/kernel") in paths
    assert ("adam/dense_1_bias_velocity", "adam/x3_bias_velocity") in paths
    assert not found.only_in_a
    assert not found.only_in_b


def test_auto_names_that_coincide_and_name_other_layers_are_not_believed(tmp_path: Path) -> None:
    # The candidate constructed its layers in the other order: its "dense_1" runs first.
    a = (dense(4, 4, name="dense"), dense(4, 4, name="dense_1"))
    b = (dense(4, 4, name="dense_1"), dense(4, 4, name="dense"))
    found, paths = align(tmp_path, a, b)
    assert (found.method, found.confidence) == ("execution-order", "certain")
    assert ("dense/kernel", "dense_1/kernel") in paths


def test_the_listing_of_the_variables_does_not_matter(tmp_path: Path) -> None:
    found, paths = align(tmp_path, LAYERS, LAYERS, listing=[8, 3, 1, 0, 2, 7, 5, 4, 6])
    assert all(a == b for a, b in paths)
    assert any(i != j for i, j in found.pairs)


def test_a_users_subclass_of_a_layer_has_a_second_chance(tmp_path: Path) -> None:
    mine = replace(dense(4, 8), class_name="MyDense")
    found, paths = align(tmp_path, LAYERS, (mine, *LAYERS[1:]))
    assert ("dense/kernel", "mydense/kernel") in paths
    assert not found.only_in_a


def test_layers_that_only_one_side_has_are_named(tmp_path: Path) -> None:
    found, _ = align(tmp_path, LAYERS, (LAYERS[0], *LAYERS[2:]))
    assert found.layers == ((0, 0), (2, 1), (3, 2))
    assert found.layers_only_in_a == (1,)
    assert found.layers_only_in_b == ()
    assert len(found.only_in_a) == 4
    assert not found.only_in_b


def test_another_shape_is_no_pair(tmp_path: Path) -> None:
    found, paths = align(tmp_path, (dense(4, 10), dense(10, 3)), (dense(4, 12), dense(12, 3)))
    assert [p for p in paths if "adam" not in p[0]] == [("dense_1/bias", "dense_1/bias")]
    assert len(found.only_in_a) == len(found.only_in_b) == 3
    assert found.layers == ((0, 0), (1, 1))  # still the same layers, with other options


def test_nothing_in_common_is_no_alignment(tmp_path: Path) -> None:
    found, _ = align(tmp_path, (dense(4, 8),), (dense(5, 9),))
    assert found.method == "none"


def test_branches_in_another_order_are_paired_by_what_they_are(tmp_path: Path) -> None:
    a = (dense(4, 8), normalization(8), dense(8, 3))
    found, paths = align(tmp_path, a, (a[2], a[1], a[0]))
    assert found.confidence == "certain"
    assert not found.only_in_a
    assert ("dense/kernel", "dense_1/kernel") in paths


def test_a_chain_of_equal_layers_is_not_ambiguous(tmp_path: Path) -> None:
    chain = tuple(dense(8, 8) for _ in range(4))
    found, _ = align(tmp_path, chain, tuple(replace(layer, name=f"x{i}") for i, layer in enumerate(chain)))
    assert found.confidence == "certain"


def test_equal_layers_at_other_places_are_ambiguous(tmp_path: Path) -> None:
    block, middle = dense(8, 8), normalization(8)
    found, _ = align(tmp_path, (block, middle, block), (block, block, middle))
    assert found.confidence == "ambiguous"
    assert "Dense" in found.note
    assert found.method == "execution-order"


def test_names_that_coincide_do_not_make_it_certain(tmp_path: Path) -> None:
    # The pairs that the order gives happen to have equal paths; which of the equal layers is which stays open.
    block, middle = dense(8, 8), normalization(8)
    names = ("dense_1", "dense")
    found, paths = align(tmp_path, (block, middle, block), (*(replace(block, name=n) for n in names), middle))
    assert all(a == b for a, b in paths)
    assert (found.method, found.confidence) == ("execution-order", "ambiguous")


def test_branches_in_reverse_are_all_paired(tmp_path: Path) -> None:
    branches = tuple(dense(4, units) for units in (2, 3, 5, 7, 9))
    found, _ = align(tmp_path, branches, branches[::-1])
    assert sorted(found.layers) == [(i, 4 - i) for i in range(5)]
    assert found.confidence == "certain"
    assert not found.only_in_a


@pytest.mark.parametrize("orders", [("structure", "execution"), ("execution", "structure")])
def test_a_listing_does_not_tell_equal_layers_apart(tmp_path: Path, orders: tuple[str, str]) -> None:
    found, _ = align(tmp_path, (dense(8, 8), dense(8, 8)), (dense(8, 8), dense(8, 8)), orders)
    assert found.confidence == "ambiguous"
    assert "no order that was seen" in found.note


def test_a_listing_tells_different_layers_apart(tmp_path: Path) -> None:
    found, _ = align(tmp_path, LAYERS, LAYERS, ("structure", "execution"))
    assert found.confidence == "certain"


def test_the_same_script_twice_is_certain_even_where_no_pass_was_seen(tmp_path: Path) -> None:
    found, _ = align(tmp_path, (dense(8, 8), dense(8, 8)), (dense(8, 8), dense(8, 8)), ("structure", "structure"))
    assert (found.method, found.confidence) == ("path", "certain")


def test_slots_follow_their_weights_and_other_optimizers_share_their_counter(tmp_path: Path) -> None:
    first = make_run(tmp_path / "a")
    second = make_run(tmp_path / "b", slots=("momentum",))
    found = align_models(first, first.models[1], first.layouts[0], second, second.models[1], second.layouts[0])
    slots = [first.layouts[0][i].slot for i, _ in found.pairs if first.layouts[0][i].role is Role.OPTIMIZER]
    assert slots == ["iteration", "learning_rate", *["momentum"] * 6]
    # Slots without a partner are no weights without a partner.
    assert not found.only_in_a


def test_weights_that_no_layer_owns_are_paired_in_order(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a")
    layout = tuple(VariableRecord(Role.TRAINABLE, path, (3,), "float32") for path in ("scale", "shift"))
    model = ModelRecord(1, "m", "Net", Build.SUBCLASSED, (LayerRecord("Dense", "dense", {}),))
    found = align_models(run, model, layout, run, model, tuple(replace(v, path="other_" + v.path) for v in layout))
    assert found.pairs == ((0, 0), (1, 1))


@given(st.permutations(range(4)))
def test_alignment_is_never_by_value(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    # The layers have the values of others: they are paired by their turn all the same.
    directory = tmp_path_factory.mktemp("runs")
    layers = tuple(dense(8, 8, key=f"k{i}") for i in range(4))
    _, paths = align(directory, layers, tuple(replace(layers[i], name="") for i in order))
    assert all(a == b for a, b in paths)


def test_dropout_is_paired_with_its_seed(tmp_path: Path) -> None:
    found, paths = align(tmp_path, (dense(4, 4), dropout()), (dense(4, 4), dropout(name="other")))
    assert ("dropout/seed_generator_state", "other/seed_generator_state") in paths
    assert found.layers == ((0, 0), (1, 1))
