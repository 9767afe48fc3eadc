"""The order of the data is one function of the seed, the training of the model and the epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from samefit.patches.pin_data import OrderedBatches, Source
from samefit.pin.order import Order
from samefit.pin.report import PinReport
from samefit.pin.trainings import Training

Run = Callable[..., dict[str, Any]]
ALL = list(range(22))


@pytest.fixture
def found(run_script: Run, each_backend: str) -> dict[str, Any]:
    return run_script("orders.py", each_backend)


@pytest.fixture
def orders(found: dict[str, Any]) -> dict[str, list[list[int]]]:
    return found["orders"]


def epochs(steps: Sequence[list[int]], num_batches: int = 6) -> list[list[int]]:
    """The samples of each epoch, in their order."""
    return [
        [sample for step in steps[k : k + num_batches] for sample in step] for k in range(0, len(steps), num_batches)
    ]


def test_the_orders_are_those_of_the_other_backends(run_script: Run, backends: tuple[str, ...]) -> None:
    first, *others = (run_script("orders.py", name)["orders"] for name in backends)
    assert len(first) == 20
    for other in others:
        assert other == first


def test_another_seed_gives_another_order(found: dict[str, Any]) -> None:
    assert [sorted(epoch) for epoch in epochs(found["another seed"])] == [ALL]
    assert found["another seed"] != found["orders"]["plain"][:6]


@pytest.mark.parametrize(
    "situation",
    [
        "evaluate and predict before",
        "evaluate and predict in a callback",
        "validation data",
        "class weight",
        "sample weight",
        "all steps",
    ],
)
def test_what_does_not_change_the_order(orders: dict[str, Any], situation: str) -> None:
    assert orders[situation] == orders["plain"]


@pytest.mark.parametrize(
    "situation", ["plain", "second fit", "within batches", "PyDataset", "PyDataset with workers", "not shuffled"]
)
def test_every_sample_is_seen_once_an_epoch(orders: dict[str, Any], situation: str) -> None:
    assert [sorted(epoch) for epoch in epochs(orders[situation])] == [ALL] * 3
    assert sorted(len(step) for step in orders[situation]) == [2] * 3 + [4] * 15


@pytest.mark.parametrize("situation", ["plain", "second fit", "PyDataset"])
def test_epochs_differ(orders: dict[str, Any], situation: str) -> None:
    assert len({tuple(epoch) for epoch in epochs(orders[situation])}) == 3


def test_trainings_of_one_model_differ(orders: dict[str, Any]) -> None:
    assert {tuple(e) for e in epochs(orders["second fit"])}.isdisjoint(tuple(e) for e in epochs(orders["plain"]))


def test_a_later_epoch_is_the_same_epoch(orders: dict[str, Any]) -> None:
    assert orders["second epoch on"] == orders["plain"][6:]


def test_the_tail_is_split_off_before_the_rest_is_shuffled(orders: dict[str, Any]) -> None:
    assert [sorted(epoch) for epoch in epochs(orders["validation split"], 4)] == [ALL[:16]] * 3


def test_within_batches(orders: dict[str, Any]) -> None:
    for k, step in enumerate(orders["within batches"][:6]):
        assert sorted(step) == ALL[4 * k : 4 * k + 4]


def test_a_pass_of_several_epochs_has_the_order_of_the_first(orders: dict[str, Any]) -> None:
    # Four steps, the two that are left, and four steps of the next pass, which begins in the third epoch.
    assert orders["some steps"] == orders["plain"][:6] + orders["plain"][12:16]
    assert orders["PyDataset with some steps"] == orders["PyDataset"][:6] + orders["PyDataset"][12:16]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PyDataset with validation", "PyDataset"),
        ("PyDataset with workers", "PyDataset"),
        ("PyDataset with processes", "PyDataset"),
        ("PyDataset with workers and some steps", "PyDataset with some steps"),
        ("PyDataset not shuffled", "not shuffled"),
    ],
)
def test_who_reads_the_batches_does_not_matter(orders: dict[str, Any], one: str, other: str) -> None:
    assert orders[one] == orders[other]


def test_shuffle_false_is_left_alone(orders: dict[str, Any]) -> None:
    assert epochs(orders["not shuffled"]) == [ALL] * 3


def test_what_a_dataset_draws_belongs_to_its_batch(
    found: dict[str, Any], run_script: Run, backends: tuple[str, ...]
) -> None:
    assert found["augmented"]["processes"] == found["augmented"]["plain"]
    assert len(set(found["augmented"]["plain"])) == 12
    assert found["augmented"] == run_script("orders.py", backends[0])["augmented"]
    assert "raw-draw" not in found["limits"]


def test_draws_in_several_threads_are_said(found: dict[str, Any]) -> None:
    (kind, text), *others = found["drawn in threads"]
    assert (kind, others) == ("raw-draw", [])
    assert text.startswith("The PyDataset Drawing draws from a generator that its threads share (`random` or")


def test_an_order_of_its_own_is_said(found: dict[str, Any]) -> None:
    first, later, limits = found["own"].pop("generator")
    assert first == later
    assert limits == [
        [
            "own-order",
            "A Python generator has an order of its own. samefit resets the process-wide generators before each "
            "epoch, no more.",
        ]
    ]
    for name in ("DataLoader in order", "DataLoader with batches in order"):
        ordered = found["own"].pop(name, None)
        assert ordered is None or ordered[2] == []
    for first, later, limits in found["own"].values():
        assert [sorted(epoch) for epoch in epochs(first)] == [ALL] * 3
        assert [kind for kind, _ in limits] == ["own-order"]
        assert limits[0][1].startswith(("A tf.data.Dataset", "A torch DataLoader"))
        assert first == later or limits[0][1].startswith("A tf.data.Dataset")


# Without Keras.


def order_of(seed: int = 1, number: int = 0, block: int | None = None) -> Order:
    class Scope:
        report = PinReport(seed)

    scope = Scope()
    scope.seed = seed  # type: ignore[attr-defined]
    training = Training(object(), number, None)  # type: ignore[arg-type]
    return Order(scope, training, Source("array", "An array", True, block))  # type: ignore[arg-type]


def test_the_permutation_stays_what_it_is() -> None:
    """Recorded once: a later samefit, or a later NumPy, must give the same order."""
    assert order_of().rows(12).tolist() == PERMUTATION
    assert order_of(block=4).rows(10).tolist() == BLOCKS


@pytest.mark.parametrize("number", [0, 1, 2, 1000])
@pytest.mark.parametrize("block", [None, 1, 7, 2000])
def test_rows_are_a_permutation(number: int, block: int | None) -> None:
    rows = order_of(block=block).rows(number)
    assert sorted(rows.tolist()) == list(range(number))
    assert rows.dtype == np.int64
    if block is not None:
        assert (rows // block == np.arange(number) // block).all()


def test_seed_training_and_epoch_all_count() -> None:
    later = order_of()
    later.begin_pass_of_next_epoch()
    found = [order_of(), order_of(seed=2), order_of(number=1), later]
    assert len({tuple(order.rows(50).tolist()) for order in found}) == 4


def test_a_pass_goes_on_where_it_was_left() -> None:
    class Dataset:
        num_batches = 6

        def __getitem__(self, index: int) -> int:
            return index

    order = order_of()
    batches = OrderedBatches(Dataset(), order)
    whole = [batches[k] for k in range(6)]
    order.begin_pass_of_next_epoch()
    batches.taken = 4
    batches.begin(continues=True)
    assert [batches[k] for k in range(batches.num_batches)] == whole[4:]
    batches.begin(continues=False)
    assert sorted(batches[k] for k in range(6)) == list(range(6)) != whole


PERMUTATION = [7, 4, 3, 8, 10, 5, 9, 1, 2, 0, 11, 6]
BLOCKS = [3, 1, 2, 0, 7, 4, 5, 6, 8, 9]
