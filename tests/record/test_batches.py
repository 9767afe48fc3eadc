"""What a batch is to the recorder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from samefit.nested import flatten
from samefit.record.batches import BatchDigest, as_classes, digest_batch, numbers_of


class Numpy:
    """A backend whose tensors are arrays."""

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        return np.asarray(value)

    def narrowed(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return array


class WithoutFloat64(Numpy):
    """One that computes in float32 at the most."""

    def narrowed(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return array.astype(np.float32)


BACKEND: Any = Numpy()
X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)


def digest(batch: Any) -> BatchDigest:
    found = digest_batch(BACKEND, flatten(batch))
    assert isinstance(found, BatchDigest)
    return found


def test_the_digest_depends_on_values_and_their_order() -> None:
    order = np.array([1, 0, 2, 3, 4, 5])
    assert digest((X, Y)) == digest((X.copy(), Y.copy()))
    assert digest((X, Y)).digest != digest((X[order], Y[order])).digest
    assert digest((X, Y)).digest != digest((X, Y[order])).digest


def test_the_sum_of_rows_depends_on_the_samples_alone() -> None:
    order = np.array([1, 0, 2, 3, 4, 5])
    assert digest((X, Y)).rows == digest((X[order], Y[order])).rows
    assert digest((X, Y)).rows != digest((X, Y[order])).rows
    assert digest((X, Y)).num_rows == 6


def test_how_keras_nests_a_batch_does_not_matter() -> None:
    assert digest((X, Y)) == digest([X, Y]) == digest((X, Y, None)) == digest({"a": X, "b": Y})
    assert digest((X, None, Y)) != digest((X, Y))


def test_a_batch_of_unknown_objects_is_not_seen_and_it_is_said_why() -> None:
    found = digest_batch(BACKEND, flatten((X, np.array([object()] * 6))))
    assert found == "an object of type object is in it, which has no stable digest"


def test_integers_have_one_digest_on_every_backend() -> None:
    assert digest((X, Y.astype("int32"))) == digest((X, Y.astype("int64")))
    assert digest((X.astype("float32"), Y)) != digest((X, Y))


def test_floats_that_a_backend_has_not_are_those_that_it_computes_with() -> None:
    other: Any = WithoutFloat64()
    narrow = digest((X.astype("float32"), Y))
    assert digest_batch(other, flatten((X, Y))) == narrow != digest((X, Y))
    assert digest_batch(other, flatten((X.astype("float16"), Y))) == digest((X.astype("float16"), Y))


CLASSES = np.array([2, 0, 1, 1, 2, 0])
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def test_classes_are_one_thing_in_each_of_their_forms() -> None:
    forms = [CLASSES, CLASSES[:, None], CLASSES.astype("uint8"), ONE_HOT, ONE_HOT.astype("int64")]
    assert len({digest((X, form)).digest for form in forms}) == 1
    assert len({digest((X, form)).rows for form in forms}) == 1
    weights = np.ones(6)
    assert digest((X, CLASSES, weights)).head == digest((X, ONE_HOT, weights)).head
    assert digest((X, ONE_HOT[::-1])).digest != digest((X, CLASSES)).digest


@pytest.mark.parametrize("values", [[0, 1, 1, 0, 1, 0], [0.5, 1.25, -3.0, 0.0, 2.0, 7.0]])
def test_targets_of_one_number_are_one_thing_in_each_of_their_forms(values: list[float]) -> None:
    numbers = np.array(values, "float32")
    forms = [numbers, numbers[:, None]]
    forms += [numbers.astype("int64"), numbers.astype(bool)] if numbers.max() == 1 else []
    assert len({digest((X, form)).digest for form in forms}) == 1
    assert digest((X, numbers[::-1])).digest != digest((X, numbers)).digest


@pytest.mark.parametrize(
    "targets",
    [
        ONE_HOT * 0.9,
        np.where(ONE_HOT == 0, np.float32(-0.0), ONE_HOT),
        np.concatenate([ONE_HOT[:5], [[1, 1, 0]]]).astype("float32"),
        ONE_HOT[:, :, None],
        np.full((6, 3), np.nan),
    ],
)
def test_what_only_looks_like_classes_is_not(targets: Any) -> None:
    assert as_classes(targets) is targets
    assert digest((X, targets)).digest != digest((X, CLASSES)).digest


def test_inputs_are_never_classes() -> None:
    assert digest((ONE_HOT, Y)).digest != digest((CLASSES, Y)).digest
    assert digest(ONE_HOT).digest != digest(CLASSES).digest


def test_without_a_common_first_axis_there_are_no_rows() -> None:
    assert digest((X, Y[:3])).rows is None
    assert digest((X, np.float32(1))).rows is None
    assert digest(()).num_rows is None


@pytest.mark.parametrize("targets", [Y, ONE_HOT, {"a": Y, "b": ONE_HOT}, [X, Y]])
@pytest.mark.parametrize("weights", [np.ones(6), {"a": np.ones(6), "b": np.zeros(6)}])
def test_the_head_of_a_batch_is_all_but_the_weights_of_its_samples(targets: Any, weights: Any) -> None:
    assert digest((X, targets)).head is None
    assert digest((X, targets, weights)).head == digest((X, targets)).digest
    assert digest((X, targets, weights)).digest != digest((X, targets)).digest


def test_of_inputs_with_names_none_are_weights() -> None:
    assert digest(({"a": X, "b": X, "c": X}, Y)).head is None


def test_numbers_of_a_step() -> None:
    assert numbers_of(BACKEND, {"loss": np.float32(0.5), "vector": np.ones(2)}) == {"loss": 0.5}
    assert numbers_of(BACKEND, 0.25) == {"loss": 0.25}
    assert numbers_of(BACKEND, None) == {}


def test_metrics_that_a_step_returns_in_a_dictionary_stand_beside_the_others() -> None:
    logs = {"loss": np.float32(0.5), "compile_metrics": {"mae": np.float32(2), "nested": {"deep": 3}}}
    assert numbers_of(BACKEND, logs) == {"loss": 0.5, "mae": 2.0, "deep": 3.0}


@pytest.mark.parametrize("value", [None, "a text", object(), 1j, np.datetime64("2026-01-01"), [], {}])
def test_what_is_no_number_is_left_out(value: Any) -> None:
    assert numbers_of(BACKEND, {"loss": 0.25, "other": value}) == {"loss": 0.25}
