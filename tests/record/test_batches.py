"""What a batch is to the recorder."""

from __future__ import annotations

from typing import Any

import numpy as np

from samefit.record.batches import digest_batch, numbers_of
from samefit.record.models import flatten


class Numpy:
    """A backend whose tensors are arrays."""

    def to_numpy(self, value: Any) -> np.ndarray[Any, Any]:
        return np.asarray(value)


BACKEND: Any = Numpy()
X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)


def digest(batch: Any) -> tuple[bytes, bytes | None, int | None]:
    return digest_batch(BACKEND, flatten(batch))


def test_the_digest_depends_on_values_and_their_order() -> None:
    order = np.array([1, 0, 2, 3, 4, 5])
    assert digest((X, Y)) == digest((X.copy(), Y.copy()))
    assert digest((X, Y))[0] != digest((X[order], Y[order]))[0]
    assert digest((X, Y))[0] != digest((X, Y[order]))[0]


def test_the_sum_of_rows_depends_on_the_samples_alone() -> None:
    order = np.array([1, 0, 2, 3, 4, 5])
    assert digest((X, Y))[1] == digest((X[order], Y[order]))[1]
    assert digest((X, Y))[1] != digest((X, Y[order]))[1]
    assert digest((X, Y))[2] == 6


def test_how_keras_nests_a_batch_does_not_matter() -> None:
    assert digest((X, Y)) == digest([X, Y]) == digest((X, Y, None)) == digest({"a": X, "b": Y})
    assert digest((X, None, Y)) != digest((X, Y))


def test_integers_have_one_digest_on_every_backend() -> None:
    assert digest((X, Y.astype("int32"))) == digest((X, Y.astype("int64")))
    assert digest((X.astype("float32"), Y)) != digest((X, Y))


def test_without_a_common_first_axis_there_are_no_rows() -> None:
    assert digest((X, Y[:3]))[1] is None
    assert digest((X, np.float32(1)))[1] is None
    assert digest(())[1:] == (None, None)


def test_numbers_of_a_step() -> None:
    assert numbers_of(BACKEND, {"loss": np.float32(0.5), "vector": np.ones(2)}) == {"loss": 0.5}
    assert numbers_of(BACKEND, 0.25) == {"loss": 0.25}
    assert numbers_of(BACKEND, None) == {}
