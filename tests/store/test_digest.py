from __future__ import annotations

import ast
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import xxhash
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from samefit.blocks import BLOCK, Blocks
from samefit.store import digest as module
from samefit.store.digest import (
    NoDigestError,
    blocks_digest,
    chain,
    digest,
    digest_many,
    rows_sum,
    state_digest,
)

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
MATRICES = hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=6), elements=FLOATS)


def bits(array: np.ndarray) -> bytes:
    return array.tobytes()


@given(MATRICES)
def test_digest_is_a_function_of_the_value(array: np.ndarray) -> None:
    assert len(digest(array)) == 16
    assert digest(array) == digest(array.copy())
    assert digest(array) == digest(np.asfortranarray(array))
    assert digest(array) == digest(np.repeat(array, 2, axis=0)[::2])


@given(MATRICES)
def test_a_sign_flip_changes_the_digest(array: np.ndarray) -> None:
    assert digest(array) != digest(-array)


@given(MATRICES, st.data())
def test_a_permutation_of_rows_changes_the_digest(array: np.ndarray, data: st.DataObject) -> None:
    permuted = array[data.draw(st.permutations(range(len(array))))]
    assert (digest(array) == digest(permuted)) == (bits(array) == bits(permuted))


@given(MATRICES, st.data())
def test_a_swap_of_two_entries_changes_the_digest(array: np.ndarray, data: st.DataObject) -> None:
    places = st.integers(0, array.size - 1)
    i, j = data.draw(places), data.draw(places)
    swapped = array.copy().ravel()
    swapped[[i, j]] = swapped[[j, i]]
    assume(bits(array) != bits(swapped))
    assert digest(array) != digest(swapped.reshape(array.shape))


@given(MATRICES)
def test_a_transpose_changes_the_digest(array: np.ndarray) -> None:
    assume(array.T.shape != array.shape or bits(array) != array.T.tobytes())
    assert digest(array) != digest(array.T)


@given(MATRICES, st.data())
def test_one_ulp_changes_the_digest(array: np.ndarray, data: st.DataObject) -> None:
    i = data.draw(st.integers(0, array.size - 1))
    moved = array.copy().ravel()
    moved[i] = np.nextafter(moved[i], np.float32(np.inf))
    assert digest(array) != digest(moved.reshape(array.shape))


@given(MATRICES)
def test_the_same_bytes_in_another_dtype_or_shape_have_another_digest(array: np.ndarray) -> None:
    assert digest(array) != digest(array.view(np.int32))
    assert digest(array) != digest(array[None])


def test_zeros_and_nans_are_told_apart_by_their_bits() -> None:
    assert digest(np.array([0.0])) != digest(np.array([-0.0]))
    payloads = np.array([0x7FC00000, 0x7FC00001], dtype=np.uint32).view(np.float32)
    assert digest(payloads[:1]) != digest(payloads[1:])
    assert digest(payloads[:1]) == digest(payloads[:1].copy())


def test_shapes_without_elements_and_scalars_are_told_apart() -> None:
    shapes: list[tuple[int, ...]] = [(0,), (0, 3), (3, 0), (), (1,), (1, 1)]
    assert len({digest(np.zeros(shape, dtype=np.float32)) for shape in shapes}) == len(shapes)


def test_byte_order_is_not_a_difference() -> None:
    array = np.arange(5, dtype="<f4")
    assert digest(array) == digest(array.astype(">f4"))


def test_types_from_elsewhere_need_no_import() -> None:
    types = pytest.importorskip("ml_dtypes")
    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        array = np.array([[1.0, -2.0], [0.5, 0.0]], dtype=getattr(types, name))
        assert digest(array) == digest(np.asfortranarray(array))
        assert digest(array) != digest(-array)
        assert digest(array) != digest(array.view(f"u{array.itemsize}"))
        assert rows_sum([array], 2) == rows_sum([array[::-1]], 2)
        assert digest(array[0, 0:1].reshape(())) != digest(array[1, 0:1].reshape(()))
    imported = [
        name.name
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, ast.Import)
        for name in node.names
    ]
    assert "ml_dtypes" not in imported


def test_texts_and_objects_have_a_stable_digest() -> None:
    texts = [["ab", "c"], ["a", "bc"], ["ab\0c", ""], ["c", "ab"]]
    assert len({digest(np.array(t, dtype=object)) for t in texts}) == len(texts)
    assert digest(np.array(["a"], dtype=object)) == digest(np.array(["a"], dtype=object))
    mixed = [np.array([value], dtype=object) for value in (1, True, 1.0, "1", b"1", None)]
    assert len({digest(array) for array in mixed}) == len(mixed)
    nested = np.empty(1, dtype=object)
    nested[0] = [1, (2, "x")]
    assert digest(nested) == digest(nested.copy())


def test_an_object_without_a_stable_text_is_refused() -> None:
    with pytest.raises(NoDigestError, match="an object of type object is in it, which has no stable digest"):
        digest(np.array([object()]))


def test_states_widen_integers_only() -> None:
    assert state_digest(np.array([3], np.int32)) == state_digest(np.array([3], np.uint64))
    assert state_digest(np.array([3], np.float32)) != state_digest(np.array([3], np.float64))


def test_the_leaves_of_a_batch_keep_their_places() -> None:
    x, y = np.zeros(2), np.ones(2)
    batches = [
        [("x", x), ("y", y)],
        [("x", y), ("y", x)],
        [("y", x), ("x", y)],
        [("x", x), ("y", None)],
        [("x", x)],
        [("y", None), ("x", x)],
    ]
    assert len({digest_many(batch) for batch in batches}) == len(batches)


@given(MATRICES, st.data())
def test_rows_sum_ignores_the_order_of_samples_only(array: np.ndarray, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(array))))
    labels = np.arange(len(array))
    assert len(rows_sum([array, labels], len(array))) == 8
    assert rows_sum([array, labels], len(array)) == rows_sum([array[order], labels[order]], len(array))
    if list(order) != list(range(len(array))):
        # One leaf alone: the samples are others. (Equal rows of `array` make no difference, so the labels move.)
        distinct = np.arange(array.size, dtype=np.float32).reshape(array.shape)
        assert rows_sum([distinct, labels], len(array)) != rows_sum([distinct, labels[order]], len(array))


@pytest.mark.parametrize("width", [1, 3, 16, 17, 40])
def test_rows_sum_sees_what_happens_within_a_row(width: int) -> None:
    # Up to 16 float32 a row is hashed in NumPy, wider ones by xxh3: both must be as sharp.
    array = np.arange(1, 5 * width + 1, dtype=np.float32).reshape(5, width)
    reference = rows_sum([array], 5)
    changed = [
        -array,
        array + np.spacing(array),
        array * np.where(np.arange(5) == 2, -1, 1)[:, None].astype(np.float32),
    ]
    if width > 1:
        changed += [array[:, ::-1], array.ravel()[::-1].reshape(5, width)]
        swapped = array.copy()
        swapped[0, 0], swapped[1, 1] = array[1, 1], array[0, 0]
        changed.append(swapped)
    assert all(rows_sum([other], 5) != reference for other in changed)
    assert rows_sum([array[::-1]], 5) == reference


@pytest.mark.parametrize("width", [2, 8, 9, 30])
def test_rows_sum_knows_the_place_of_whole_words(width: int) -> None:
    # Eight bytes an entry: a swap of two columns moves words, and changes none of them.
    array = np.random.default_rng(0).normal(size=(4, width))
    swapped = array.copy()
    swapped[:, [0, 1]] = array[:, [1, 0]]
    assert rows_sum([swapped], 4) != rows_sum([array], 4)


def test_rows_sum_of_a_part_adds_up() -> None:
    # An epoch is compared by the sum of its batches, whatever their sizes.
    for width in (3, 100):
        array = np.random.default_rng(0).normal(size=(20, width))
        parts = [int.from_bytes(rows_sum([array[i:j]], j - i), "little") for i, j in ((0, 7), (7, 20))]
        assert sum(parts) % 2**64 == int.from_bytes(rows_sum([array], 20), "little")


def test_rows_sum_tells_a_short_row_from_a_padded_one() -> None:
    assert rows_sum([np.ones((2, 1), np.uint8)], 2) != rows_sum([np.array([[1, 0], [1, 0]], np.uint8)], 2)
    assert rows_sum([np.ones((2, 1), np.float32)], 2) != rows_sum([np.ones((2, 1), np.float32).view(np.int32)], 2)


def test_rows_sum_counts_equal_samples() -> None:
    # An XOR would be blind to a pair of equal samples.
    assert rows_sum([np.ones((2, 3))], 2) != rows_sum([np.zeros((2, 3))], 2)
    assert rows_sum([np.ones((4, 3))], 4) != rows_sum([np.ones((2, 3))], 2)


def test_rows_sum_takes_texts() -> None:
    array = np.array([["a", "b"], ["c", "d"]], dtype=object)
    assert rows_sum([array], 2) == rows_sum([array[::-1]], 2) != rows_sum([array[:, ::-1]], 2)


def test_rows_sum_says_which_array_has_another_length() -> None:
    with pytest.raises(ValueError, match=r"Array 1 has shape \(3,\); 2 rows were expected"):
        rows_sum([np.zeros(2), np.zeros(3)], 2)


def test_a_chain_depends_on_all_before_and_on_the_borders_of_its_parts() -> None:
    links = [chain(b"", b"ab", b"c"), chain(b"", b"a", b"bc"), chain(b"x", b"ab", b"c"), chain(b"", b"abc")]
    assert len(set(links)) == 4
    assert all(len(link) == 16 for link in links)


LARGE = [
    np.random.default_rng(0).normal(size=(3, BLOCK // 8)),
    np.zeros(BLOCK, dtype=bool),
    np.random.default_rng(0).normal(size=(70_001,)).astype(ml_dtypes.bfloat16),
    np.ones(BLOCK // 16, dtype=np.complex128),
    np.zeros(BLOCK // 12 + 1, dtype=[("a", "f4"), ("b", "i8")]),
]


@pytest.mark.parametrize("array", LARGE, ids=lambda array: array.dtype.name)
def test_a_large_array_is_digested_block_by_block(array: np.ndarray) -> None:
    # Whole blocks stand as their own digests: whatever makes these elsewhere gives the digest of the array.
    data = array.tobytes()
    blocks = [xxhash.xxh3_128_digest(data[i : i + BLOCK]) for i in range(0, len(data) - BLOCK + 1, BLOCK)]
    rest = data[len(blocks) * BLOCK :]
    assert blocks
    assert digest(array) == blocks_digest(Blocks(array.dtype, array.shape, blocks, rest))
    assert digest(array) == digest(np.asfortranarray(array)) == digest(np.repeat(array, 2, axis=0)[::2])
    assert digest(array) != digest(array[::-1]) or array.tobytes() == array[::-1].tobytes()


@pytest.mark.parametrize("place", [0, BLOCK // 4 - 1, BLOCK // 4, BLOCK // 2 - 1, BLOCK // 2, BLOCK // 2 + 9])
def test_a_bit_anywhere_in_a_large_array_changes_the_digest(place: int) -> None:
    array = np.zeros(BLOCK // 2 + 10, dtype=np.float32)
    changed = array.copy()
    changed[place] = -0.0
    assert digest(changed) != digest(array)


def test_large_texts_are_digested_by_their_text() -> None:
    texts = np.array([f"sample {i}" for i in range(20_000)], dtype=object)
    assert digest(texts) == digest(texts.copy()) != digest(texts[::-1])
