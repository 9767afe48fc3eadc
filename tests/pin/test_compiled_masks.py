"""The masks that LLVM computes where llvmlite is installed: the bits of NumPy, and NumPy where it is not."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from samefit.backends import masks, portable
from samefit.backends.threefry import Key, bits

WORDS = st.integers(0, 2**32 - 1)
KEYS = st.tuples(WORDS, WORDS)
STARTS = st.integers(0, 1000) | st.integers(2**32 - 1000, 2**32 + 1000) | st.integers(2**32, 2**62)


@pytest.fixture(autouse=True)
def _looked_for_anew() -> Iterator[None]:
    masks.compiled.cache_clear()
    yield
    masks.compiled.cache_clear()


@given(KEYS, STARTS, st.integers(0, 3000), st.integers(0, 2**23))
@example((2**32 - 1, 2**32 - 1), 2**32 - 5, 10, 2**22)
@example((0, 0), 0, 1, 2**23)
def test_the_compiled_cipher_gives_the_bits_of_numpy(key: Key, start: int, count: int, bound: int) -> None:
    pytest.importorskip("llvmlite")
    fill = masks.compiled()
    assert fill is not None
    mask = np.empty(count, np.bool_)
    fill(key, start, bound, mask)
    # As bytes: one that is neither 0 nor 1 is true, too.
    assert np.array_equal(mask.view(np.uint8), (bits(key, start, count, 32) >> 9 < bound).view(np.uint8))


@given(KEYS, st.lists(st.integers(0, 40), max_size=3), st.floats(0, 1))
def test_a_mask_is_the_same_with_and_without(key: Key, shape: list[int], share: float) -> None:
    pytest.importorskip("llvmlite")
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(masks, "compiled", lambda: None)
        plain = portable.kept(key, shape, share)
    compiled = portable.kept(key, shape, share)
    assert compiled.dtype == plain.dtype
    assert compiled.shape == plain.shape == tuple(shape)
    assert np.array_equal(compiled, plain)


def test_nothing_is_written_past_the_mask() -> None:
    pytest.importorskip("llvmlite")
    fill = masks.compiled()
    assert fill is not None
    for count in range(0, 200, 7):
        around = np.full(300, 7, np.uint8)
        fill((1, 2), 0, 2**22, around[50 : 50 + count].view(np.bool_))
        assert set(around[:50]) | set(around[50 + count :]) == {7}


def test_without_llvmlite_numpy_computes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    assert masks.compiled() is None
    mask = portable.kept((1, 2), (4, 1000), 0.7)
    assert np.array_equal(mask.ravel(), bits((1, 2), 0, 4000, 32) >> 9 < portable.threshold(0.7))


def test_a_version_that_cannot_do_it_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 0.44 llvmlite compiled in another way; numba holds some environments there."""
    old = ModuleType("llvmlite")
    old.binding, old.ir = ModuleType("llvmlite.binding"), ModuleType("llvmlite.ir")  # type: ignore[attr-defined]
    for module in (old, old.binding, old.ir):  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
    assert masks.compiled() is None


def test_to_compile_takes_no_entropy_and_moves_no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or what a script draws after its first mask would depend on whether llvmlite is installed."""
    pytest.importorskip("llvmlite")
    for name in [name for name in sys.modules if name.partition(".")[0] == "llvmlite"]:
        monkeypatch.delitem(sys.modules, name)
    taken: list[str] = []
    for owner, name in ((os, "urandom"), (random, "_urandom"), (random.Random, "seed")):
        monkeypatch.setattr(owner, name, lambda *args, name=name: taken.append(name))
    before = random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[index, union-attr]
    assert masks.compiled() is not None
    after = random.getstate(), np.random.get_state()[1].tobytes()  # type: ignore[index, union-attr]
    assert not taken
    assert after == before


def test_it_is_compiled_once() -> None:
    portable.kept((1, 2), (10,), 0.5)
    portable.kept((3, 4), (10,), 0.5)
    assert masks.compiled.cache_info().misses == 1
