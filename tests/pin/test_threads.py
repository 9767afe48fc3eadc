"""Batches that several threads read: a draw from a process-wide generator is said, and samefit's own moves are not."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from samefit.patches.pin_data import Source
from samefit.pin.isolation import moves
from samefit.pin.order import Order
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


def test_nothing_is_said_of_a_batch_that_is_read_while_samefit_moves_the_generators(order: Order) -> None:
    with moves.one():
        moving = order.watching(0)
        moving.__enter__()
        random.seed(5)
    moving.__exit__(None, None, None)
    assert said(order) == []
