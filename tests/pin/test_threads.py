"""Batches that several threads read: a draw from a process-wide generator is said, and samefit's own moves are not."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samefit.patches.pin_data import Source
from samefit.pin.isolation import Callbacks, moves
from samefit.pin.order import DataOrder, Order
from samefit.pin.report import PinReport


@pytest.fixture
def order() -> Order:
    scope: Any = SimpleNamespace(seed=1, report=PinReport(1))
    training: Any = SimpleNamespace(number=0, epoch=0)
    return Order(scope, training, Source("batches", "The PyDataset Images"))


def said(order: Order) -> list[str]:
    return [limit.kind for limit in order._scope.report.limits]


@pytest.mark.parametrize("draw", [random.random, np.random.random])
def test_a_draw_is_said(order: Order, draw: Any) -> None:
    with order.watching(0):
        draw()
    assert said(order) == ["raw-draw"]


def test_reading_without_a_draw_is_silent(order: Order) -> None:
    with order.watching(0):
        np.random.default_rng(1).random()
    assert said(order) == []


def test_an_epoch_that_begins_meanwhile_is_no_draw(order: Order) -> None:
    with order.watching(0), moves.one():
        random.seed(5)
        np.random.seed(5)
    assert said(order) == []


def test_samefit_moves_the_generators_while_something_else_does(order: Order) -> None:
    with moves.one(), moves.one(), order.watching(0):
        random.seed(5)
    with moves.one(), order.watching(0):
        random.seed(6)
    assert said(order) == []


def test_a_callback_that_draws_meanwhile_is_not_the_dataset(order: Order) -> None:
    """A hook runs in the main thread while the workers read on."""
    generators: Any = SimpleNamespace(
        mark=random.getstate,
        return_to=random.setstate,
        reseed=random.seed,
        seeds_of=lambda model: {},
        put_seeds_back=lambda model, seeds: None,
    )

    def hook() -> None:
        with order.watching(0):
            random.random()

    Callbacks(generators, 1, None)._on_own_stream(hook)()
    assert said(order) == []


def test_nothing_is_said_of_a_batch_that_is_read_while_samefit_moves_the_generators(order: Order) -> None:
    with moves.one():
        moving = order.watching(0)
        moving.__enter__()
        random.seed(5)
    moving.__exit__(None, None, None)
    assert said(order) == []


class Noisy:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __getitem__(self, index: int) -> Any:
        return self.rng.normal(), np.random.default_rng(index).normal()


@pytest.mark.parametrize(("shared", "kinds"), [(Noisy(), ["raw-draw"]), (None, [])])
def test_a_generator_of_the_dataset_that_workers_share_is_said_with_its_line(shared: Any, kinds: list[str]) -> None:
    scope: Any = SimpleNamespace(seed=1, report=PinReport(1))
    trainings: Any = SimpleNamespace(current=lambda: SimpleNamespace(has_data=False))
    DataOrder(scope, trainings).order_for(Source("batches", "The PyDataset Noisy", shared=shared))
    assert [limit.kind for limit in scope.report.limits] == kinds
    for limit in scope.report.limits:
        assert "self.rng.normal" in limit.text
        assert limit.location.code == "return self.rng.normal(), np.random.default_rng(index).normal()"
