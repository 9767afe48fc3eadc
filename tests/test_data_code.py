"""What code draws from while it makes data, read from its source: each kind, and where nothing is to be found."""

from __future__ import annotations

import functools
import importlib
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from samefit.data_code import _makers, draws_of
from samefit.types import CodeDraw

SHARED = np.random.default_rng(0)
AUGMENT = False


class Batches:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.augment = True
        self.plain = False


class OfItsOwn(Batches):
    def __getitem__(self, index: int) -> Any:
        return self.rng.normal(size=3)


class ByAnotherName(Batches):
    def __getitem__(self, index: int) -> Any:
        rng = self.rng
        return rng.normal(size=3)


class InAMethod(Batches):
    def __getitem__(self, index: int) -> Any:
        if not self.plain:
            return self.noise()
        return index

    def noise(self) -> Any:
        return self.rng.normal(size=3)


class OfAModule(Batches):
    def __getitem__(self, index: int) -> Any:
        return noise(index)


def noise(index: int) -> Any:
    return SHARED.normal(size=index)


class OfTheProcess(Batches):
    def __getitem__(self, index: int) -> Any:
        return np.random.normal(size=3)


class WithoutASeed(Batches):
    def __getitem__(self, index: int) -> Any:
        return np.random.default_rng().normal()


class OfTheSystem(Batches):
    def __iter__(self) -> Any:
        yield int.from_bytes(os.urandom(4), "big")


@pytest.mark.parametrize(
    ("dataset", "kind", "text"),
    [
        (OfItsOwn(), "own", "self.rng.normal"),
        (ByAnotherName(), "own", "rng.normal"),
        (InAMethod(), "own", "self.rng.normal"),
        (OfAModule(), "own", "SHARED.normal"),
        (OfTheProcess(), "shared", "np.random.normal"),
        (WithoutASeed(), "entropy", "np.random.default_rng"),
        (OfTheSystem(), "entropy", "os.urandom"),
    ],
)
def test_what_is_drawn_from(dataset: Any, kind: str, text: str) -> None:
    (draw,) = draws_of(dataset)
    assert (draw.kind, draw.text) == (kind, text)
    assert text in (draw.location.code or "")
    assert draw.location.file == __file__


class Seeded(Batches):
    def __getitem__(self, index: int) -> Any:
        rng = np.random.default_rng([1, index])
        other = np.random.RandomState(seed=index)
        third = random.Random(index)
        return rng.normal(), other.normal(), third.random()


class Switched(Batches):
    def __getitem__(self, index: int) -> Any:
        if self.plain or AUGMENT:
            return index
        if AUGMENT:
            return self.rng.normal()
        if self.augment:
            return index
        else:
            return np.random.default_rng().normal()


class OneForEachWorker(Batches):
    def __getitem__(self, index: int) -> Any:
        return self.rngs[index].normal()  # type: ignore[attr-defined]


class Reading(Batches):
    def __getitem__(self, index: int) -> Any:
        self.rng.bit_generator.state  # noqa: B018
        return [rng + 1 for rng in [index]]

    def unused(self) -> Any:
        return self.rng.normal()


class Recursive(Batches):
    def __getitem__(self, index: int) -> Any:
        index = index
        return self[index]

    @property
    def broken(self) -> Any:
        raise AssertionError("nothing of the user's is run")


@pytest.mark.parametrize("data", [Seeded(), Switched(), OneForEachWorker(), Reading(), Recursive(), np.zeros(3), None])
def test_silent(data: Any) -> None:
    assert draws_of(data) == ()


class Loader:
    """Stands in for PyTorch's."""

    def __init__(self, dataset: Any, **functions: Any) -> None:
        self.dataset = dataset
        vars(self).update(functions)


def collate(samples: Any, scale: float = 1.0) -> Any:
    return random.SystemRandom().random() * scale


def begin(number: int) -> None:
    np.random.seed()


def of(*draws: CodeDraw) -> list[tuple[str, str]]:
    return [(draw.within, draw.text) for draw in draws]


def test_what_a_loader_calls() -> None:
    loader = Loader(Loader(WithoutASeed()), collate_fn=functools.partial(collate, scale=2.0), worker_init_fn=begin)
    expected = [
        ("collate", "random.SystemRandom"),
        ("begin", "np.random.seed"),
        ("WithoutASeed.__getitem__", "np.random.default_rng"),
    ]
    assert of(*draws_of(loader)) == expected


def test_an_object_that_is_called() -> None:
    class Calls:
        def __call__(self, samples: Any) -> Any:
            return SHARED.permutation(samples)

    assert of(*draws_of(Loader(None, collate_fn=Calls()))) == [
        ("test_an_object_that_is_called.<locals>.Calls.__call__", "SHARED.permutation")
    ]


def test_a_generator_that_is_handed_on() -> None:
    torch = pytest.importorskip("torch")

    class Noisy:
        generator = torch.Generator().manual_seed(1)

        def __getitem__(self, index: int) -> Any:
            return torch.randn(3, generator=self.generator)

    (draw,) = draws_of(Noisy())
    assert (draw.kind, draw.text) == ("own", "torch.randn")


def test_a_file_that_was_not_written_to_disk() -> None:
    names: dict[str, Any] = {}
    exec("class Made:\n    def __getitem__(self, index):\n        return index", names)
    assert draws_of(names["Made"]()) == ()


class Unbound:
    """Stands in for a proxy of something that is not there, as libraries make them."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("nothing is bound")

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("nothing is bound")


UNBOUND = Unbound()


class OfSomethingUnbound(Batches):
    def __getitem__(self, index: int) -> Any:
        return self.proxied(index) + self.rng.normal()

    def proxied(self, index: int) -> Any:
        return UNBOUND.value(index)  # type: ignore[attr-defined]


def test_what_cannot_be_asked_is_passed_over() -> None:
    assert of(*draws_of(OfSomethingUnbound())) == [("OfSomethingUnbound.__getitem__", "self.rng.normal")]


class BehindSomethingUnbound(Batches):
    def __getitem__(self, index: int) -> Any:
        if UNBOUND.ready:  # type: ignore[attr-defined]
            index = UNBOUND(index)  # type: ignore[operator]
        return self.rng.normal(size=index)


class Jealous(dict[str, Any]):
    """Attributes that raise where a name is asked for that is not there."""

    def __contains__(self, name: object) -> bool:
        raise KeyError(name)


class Meta(type):
    def __getattr__(cls, name: str) -> Any:
        raise KeyError(name)


class Strange(metaclass=Meta):
    """An attribute whose class cannot be asked for anything."""


class OfStrangeThings(Batches):
    strange = Strange()

    def __init__(self) -> None:
        super().__init__()
        self.__dict__ = Jealous(self.__dict__)

    def __getitem__(self, index: int) -> Any:
        return self.strange(index) + self.rng.normal() if self.augment else index


def test_attributes_that_have_code_of_their_own_are_read_without_it() -> None:
    assert of(*draws_of(OfStrangeThings())) == [("OfStrangeThings.__getitem__", "self.rng.normal")]


def test_a_draw_behind_what_cannot_be_asked_is_found() -> None:
    assert of(*draws_of(BehindSomethingUnbound())) == [("BehindSomethingUnbound.__getitem__", "self.rng.normal")]


def test_code_that_is_nested_too_deep_is_said_not_to_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = " + ".join(["index"] * 900)
    (tmp_path / "long_sum.py").write_text(f"class Long:\n    def __getitem__(self, index):\n        return {long}\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = draws_of(Loader(importlib.import_module("long_sum").Long(), worker_init_fn=begin))
    unread = [draw for draw in found if draw.kind == "unread"]
    assert [(draw.within, draw.location.line) for draw in unread] == [("Long.__getitem__", 2)]
    assert len(found) > 1


def test_a_function_that_wraps_itself() -> None:
    class Wrapped:
        def __getitem__(self, index: int) -> Any:
            return around(index)

    def around(index: int) -> Any:
        return index

    around.__wrapped__ = around  # type: ignore[attr-defined]
    assert draws_of(Wrapped()) == ()


def test_of_many_datasets_only_some_are_read() -> None:
    whole = Loader(None, datasets=[OfItsOwn() for _ in range(5000)])
    assert len(list(_makers(whole, 3))) < 200
    assert of(*draws_of(whole)) == [("OfItsOwn.__getitem__", "self.rng.normal")]
