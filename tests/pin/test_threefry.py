"""The stream that `pinned` specifies: known answers, and no likeness between neighbours."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samefit.backends import portable
from samefit.backends.threefry import Key, bits, encrypted, split, words

WORDS = st.integers(0, 2**32 - 1)
KEYS = st.tuples(WORDS, WORDS)

# Random123's file of known answers (kat_vectors), the lines of threefry2x32 with 20 rounds: counter, key, result.
KNOWN = [
    ((0x00000000, 0x00000000), (0x00000000, 0x00000000), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
]

FIRST_BITS = [2932776407, 1811914268, 2110255537]
FIRST_UNIFORM = [0.68284010887146, 0.421869158744812, 0.4913320541381836]
FIRST_ORDER = [2, 1, 0, 5, 3, 4, 7, 6]
FIRST_INTEGERS = [15, 78, 58, 60, 18]


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_the_cipher_gives_the_known_answers(counter: Key, key: Key, result: Key) -> None:
    high, low = np.array([counter[0]], np.uint32), np.array([counter[1]], np.uint32)
    encrypted(key, high, low)
    assert (int(high[0]), int(low[0])) == result


def test_the_first_values_are_kept_from_version_to_version() -> None:
    """As `jax.random` gives them for the key [1, 2], with JAX 0.10.2."""
    key = (1, 2)
    assert bits(key, 0, 3, 32).tolist() == FIRST_BITS
    assert portable.uniform(key, (3,), 0.0, 1.0, "float32").tolist() == FIRST_UNIFORM
    assert portable.permutation(key, 8).tolist() == FIRST_ORDER
    assert portable.integers(key, (5,), -3, 100, "int32").tolist() == FIRST_INTEGERS


@given(KEYS, st.integers(0, 200), st.integers(0, 100_000), st.sampled_from([8, 16, 32, 64]))
def test_an_element_depends_on_its_number_alone(key: Key, start: int, count: int, width: int) -> None:
    """Not on the size of the tensor, nor on the blocks in which it is computed."""
    values = portable.filled(key, count, width, f"uint{width}", lambda drawn: drawn)
    assert np.array_equal(values[start : start + 20], bits(key, start, len(values[start : start + 20]), width))


def test_numbers_beyond_32_bits_use_both_words() -> None:
    high, low = np.array([1], np.uint32), np.array([5], np.uint32)
    encrypted((3, 4), high, low)
    found = words((3, 4), 2**32 + 5, 1)
    assert (found[0][0], found[1][0]) == (high[0], low[0])


@given(KEYS, st.floats(-10, 10), st.floats(0.01, 10), st.sampled_from(sorted(portable.WIDTH)))
def test_uniform_values_are_never_below_their_range(key: Key, low: float, width: float, dtype: str) -> None:
    kind = portable.type_of(dtype).type
    values = portable.uniform(key, (100,), low, low + width, dtype)
    assert values.dtype == kind
    assert np.all(values >= kind(low))
    assert np.all(values <= kind(low + width) + abs(kind(width)) * kind(0.02))


@given(KEYS, st.integers(-300, 300), st.integers(1, 200), st.sampled_from(["int8", "uint8", "int16", "int32", "int64"]))
def test_integers_are_inside_of_their_bounds(key: Key, low: int, width: int, dtype: str) -> None:
    info = np.iinfo(dtype)
    values = portable.integers(key, (200,), low, low + width, dtype)
    first, last = max(low, info.min), min(low + width, info.max + 1) - 1
    assert values.dtype == dtype
    if first <= last:
        assert first <= values.min() <= values.max() <= last


def test_all_integers_of_a_type_can_be_drawn() -> None:
    assert len(set(portable.integers((1, 2), (4000,), 0, 256, "uint8").tolist())) == 256
    values = portable.integers((1, 2), (1000,), -(2**31), 2**31, "int32").astype(float)
    assert values.min() < -(2**31) * 0.99
    assert values.max() > 2**31 * 0.99


@given(KEYS, st.integers(0, 3000))
def test_a_permutation_has_every_number_once(key: Key, count: int) -> None:
    assert sorted(portable.permutation(key, count).tolist()) == list(range(count))


@given(KEYS)
def test_a_split_gives_other_keys(key: Key) -> None:
    assert len({key, *split(key)}) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_moments_are_those_of_the_distributions(dtype: str) -> None:
    count = 400_000
    uniform = portable.uniform((3, 4), (count,), 0.0, 1.0, dtype).astype(float)
    normal = portable.normal((3, 4), (count,), dtype).astype(float)
    cut = portable.truncated_normal((3, 4), (count,), dtype).astype(float)
    # Four standard errors are below 0.007 in all of these.
    assert [uniform.mean(), uniform.var() * 12] == pytest.approx([0.5, 1.0], abs=0.007)
    assert [normal.mean(), normal.std(), (normal**3).mean()] == pytest.approx([0.0, 1.0, 0.0], abs=0.016)
    assert (normal**4).mean() == pytest.approx(3.0, abs=0.07)
    assert [cut.mean(), cut.std()] == pytest.approx([0.0, 0.8796256610], abs=0.007)
    assert 1.99 < np.abs(cut).max() < 2.0


def test_neighbouring_seeds_and_steps_share_nothing() -> None:
    """Keras's path for PyTorch adds seed and step, so that neighbouring seeds give the same masks one step apart."""
    count, share = 20_000, 0.7
    keys = [(seed, step) for seed in range(100, 110) for step in range(10)]
    masks = np.array([portable.kept(key, (count,), share) for key in keys], dtype=float)
    scores = (masks.mean(axis=1) - share) / np.sqrt(share * (1 - share) / count)
    correlations = np.corrcoef(masks)[np.triu_indices(len(keys), 1)] * np.sqrt(count)
    # Both are standard normal: of 100 and 4,950 values the largest are near 2.8 and 4.0.
    assert np.abs(scores).max() < 4.5
    assert np.abs(correlations).max() < 5.5
    assert correlations.std() == pytest.approx(1.0, abs=0.06)


def test_elements_of_one_mask_are_independent_of_each_other() -> None:
    mask = portable.kept((5, 6), (200_000,), 0.5).astype(float) * 2 - 1
    for lag in (1, 2, 3, 64, 256, 1024):
        assert abs((mask[:-lag] * mask[lag:]).mean()) * np.sqrt(len(mask)) < 4.5


def test_categories_have_their_chances() -> None:
    chances = np.array([0.1, 0.2, 0.7])
    drawn = portable.categories((1, 9), np.log(np.array([chances, chances[::-1]])).astype("float32"), 50_000)
    assert np.bincount(drawn[0]) / 50_000 == pytest.approx(chances, abs=0.01)
    assert np.bincount(drawn[1]) / 50_000 == pytest.approx(chances[::-1], abs=0.01)


def test_a_higher_rate_drops_more_of_the_same() -> None:
    for lower, higher in pairwise([0.1, 0.3, 0.5, 0.9]):
        few, many = (portable.kept((7, 8), (1000,), 1 - rate) for rate in (lower, higher))
        assert np.all(few | ~many)
