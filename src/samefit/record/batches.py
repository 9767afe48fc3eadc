"""What a batch is to the recorder: one digest, a sum that does not depend on the order of the samples, a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samefit.backends.base import Array, Backend
from samefit.store.digest import NoDigestError, digest, joined, rows_sum

_INT32, _FLOAT64 = np.dtype("int32"), np.dtype("float64")

NO_NUMBERS = "OUSMmc"
"""Kinds of types whose items are no numbers of the real line: objects, texts, dates, complex numbers."""


@dataclass(frozen=True)
class BatchDigest:
    """What is kept of a batch.

    Attributes:
        digest: 16 bytes.
        rows: Sum over the samples, 8 bytes; None without a common first axis, or late.
        num_rows: Number of samples.
        head: Digest of all leaves but the weights of the samples; None where the batch is no (x, y, weights).
    """

    digest: bytes
    rows: bytes | None = None
    num_rows: int | None = None
    head: bytes | None = None


def digest_batch(backend: Backend, leaves: Sequence[tuple[str, Any]], *, with_rows: bool = True) -> BatchDigest | str:
    """Digests the leaves of a batch, given with their paths.

    Paths are replaced by positions: Keras hands the same batch on in tuples, lists or dictionaries of its own.

    Args:
        backend: The adapter of Keras's backend.
        leaves: The leaves.
        with_rows: Whether the sum over the samples is made.

    Returns:
        What is kept; or why nothing can be, where a leaf is an object of the user's.
    """
    try:
        return _digest_batch(backend, leaves, with_rows)
    except NoDigestError as error:
        return str(error)


def _digest_batch(backend: Backend, leaves: Sequence[tuple[str, Any]], with_rows: bool) -> BatchDigest:
    arrays = [None if leaf is None else backend.to_numpy(leaf) for _, leaf in leaves]
    num_weights = _num_weights(leaves)
    if len(arrays) - num_weights == 2 and arrays[1] is not None:
        arrays[1] = as_classes(arrays[1])
    present, digests = [], []
    for i, array in enumerate(arrays):
        if array is not None:
            # JAX demotes int64 to int32 on its way in: the same values must have the same digest on every backend.
            array = array.astype(np.int64) if array.dtype == _INT32 else array
            array = backend.narrowed(array) if array.dtype == _FLOAT64 else array
            present.append(array)
        digests.append((f"batch/{i}", None if array is None else digest(array)))
    rows = None
    if with_rows and present and all(a.ndim for a in present) and len({len(a) for a in present}) == 1:
        rows = rows_sum(present, len(present[0]))
    num_rows = len(present[0]) if present and present[0].ndim else None
    return BatchDigest(joined(digests), rows, num_rows, joined(digests[:-num_weights]) if num_weights else None)


def _num_weights(leaves: Sequence[tuple[str, Any]]) -> int:
    """Returns how many of the leaves, the last ones, are weights of the samples: the third part of a batch."""
    if len(leaves) < 3 or _part(leaves[-1]) != "2":
        return 0
    return sum(_part(leaf) == "2" for leaf in leaves)


def _part(leaf: tuple[str, Any]) -> str:
    """Returns the number of the part of a batch that a leaf belongs to, from its path: batch/2/name."""
    return leaf[0].split("/", 2)[1]


def as_classes(targets: Array) -> Array:
    """Returns targets of one number for each sample flat, and as int64 if all are whole; others as they are.

    A class said as a number of any type, shape (samples,) or (samples, 1), and the same one-hot, shape (samples,
    classes), are the same data in two forms: what becomes of them is seen in the loss.
    """
    if targets.dtype.kind not in "biuf":
        return targets
    if targets.ndim == 1 or (targets.ndim == 2 and targets.shape[1] == 1):
        flat = targets.reshape(-1)
        return flat.astype(np.int64) if _is_whole(flat) else flat
    if targets.ndim != 2 or targets.shape[1] < 2 or not len(targets) or not _is_one_hot(targets[:1]):
        return targets
    return targets.argmax(axis=1).astype(np.int64) if _is_one_hot(targets) else targets


def _is_whole(numbers: Array) -> bool:
    """Whether all numbers are integers, whatever their type."""
    if numbers.dtype.kind != "f":
        return True
    return bool(
        np.all(np.isfinite(numbers)) and np.all(np.abs(numbers) < 2**53) and np.all(numbers == np.rint(numbers))
    )


def _is_one_hot(rows: Array) -> bool:
    """Whether each row is zero but for a single one; minus zero is no zero here."""
    ones = rows == 1
    return bool(np.all(ones.sum(axis=1) == 1) and np.all(ones | ((rows == 0) & ~np.signbit(rows))))


def numbers_of(backend: Backend, logs: Any) -> dict[str, float]:
    """Returns what a step returned as floats, by name; a bare number is the loss.

    A `train_step` of one's own that returns the result of each metric returns a dictionary under `compile_metrics`:
    what is in it stands beside the others, as in Keras's own history (keras/src/utils/python_utils.py,
    `pythonify_logs`, 3.15.1).
    """
    numbers: dict[str, float] = {}
    for name, value in (logs if isinstance(logs, Mapping) else {} if logs is None else {"loss": logs}).items():
        if isinstance(value, Mapping):
            numbers.update(numbers_of(backend, value))
            continue
        if type(value) is float:
            numbers[str(name)] = value
            continue
        array = backend.to_numpy(value)
        if array.size == 1 and array.dtype.kind not in NO_NUMBERS:
            numbers[str(name)] = float(array.item())
    return numbers
