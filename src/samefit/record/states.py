"""Which states of a training are recorded, and how they are read."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from samefit.backends.base import Array, Backend
from samefit.blocks import Blocks
from samefit.record.training import Training
from samefit.store import cadence
from samefit.store.digest import blocks_digest, state_digest
from samefit.store.records import StateRecord
from samefit.store.writer import RunWriter
from samefit.types import Role

_MISSING = bytes(16)

Reading = Array | Blocks | None
"""A value of a variable, or what its digest is made from, or that it has none."""

KEPT = 2 << 30
"""Bytes of first and last weights that are kept of one side; those of its first two trainings always are."""

_ENDS = ("initial-", "final-")

_IN_THREADS = 8 << 20
"""Bytes of a state from which on several cores digest it: a thread costs what half a megabyte does, and the digest
leaves the interpreter to others meanwhile."""

_THREADS = min(8, os.cpu_count() or 1)


class States:
    """Reads and digests the variables of trainings.

    Args:
        writer: Where arrays and the states at the ends of trainings go.
        backend: The adapter of Keras's backend.
        every_step: Whether the state is recorded after every step, not only where `samefit.store.cadence` says so.
        note: Adds an entry to the ledger: of a learning rate, whose digest alone does not tell the value.
    """

    def __init__(self, writer: RunWriter, backend: Backend, *, every_step: bool, note: Callable[..., Any]) -> None:
        self._writer = writer
        self._backend = backend
        self._every_step = every_step
        self._note = note
        self._rates: dict[int, float] = {}
        self._kept: dict[str, dict[int, int]] = {}
        self._warned = False

    def are_due(self, training: Training, num_steps: int) -> bool:
        """Whether the state after the next `num_steps` steps, of which it is known only after the last, is recorded."""
        if self._every_step:
            return True
        first = _first_steps(training)
        steps = range(training.steps + 1, training.steps + num_steps + 1)
        return any(cadence.is_recorded(step, first) for step in steps)

    def next_due(self, training: Training) -> int:
        """Returns the 1-based number of the next step whose state is recorded."""
        first = _first_steps(training)
        return next(step for step in itertools.count(training.steps + 1) if cadence.is_recorded(step, first))

    def values(self, training: Training, state: Any) -> list[Array | None]:
        """Returns the values of all variables, in their order; from JAX's `state` where there is one."""
        return _in_order(training, state, self._backend.to_numpy_many, self._backend.host_values)

    def readings(self, training: Training, state: Any) -> list[Reading]:
        """Returns the values of all variables; of large ones on an accelerator what their digests are made from."""
        return _in_order(training, state, self._backend.readings, self._backend.host_readings)

    def record(self, training: Training, step: int, moment: str, values: Sequence[Reading]) -> StateRecord:
        """Returns the record of a state that has been read; see `StateRecord`."""
        digests = _digests(values)
        self._note_rate(training, step, values)
        if moment == "after":
            training.last_state, training.last_digests = step, digests
        return StateRecord(step, training.record.number, moment, training.layout, digests)

    def _note_rate(self, training: Training, step: int, values: Sequence[Reading]) -> None:
        """Notes the learning rate where it is not what it was in the state before."""
        named = zip(training.variable_records, values, strict=False)
        found = next((each for v, each in named if v.slot == "learning_rate" and not v.holder), None)
        number = training.record.number
        if not isinstance(found, np.ndarray) or self._rates.get(number) == (rate := float(found)):
            return
        self._rates[number] = rate
        self._note("rate", function="learning_rate", index=step, value=rate, training=number)

    def between(self, training: Training, step: int, values: Sequence[Reading]) -> None:
        """Writes the state with which an epoch begins, unless it is known to be that after the step before."""
        record = self.record(training, step, "begin", values)
        if training.last_state != training.last or record.digests != training.last_digests:
            self._writer.state(record)

    def end(self, training: Training, values: Sequence[Reading]) -> None:
        """Writes the state with which a training ends, unless that was done, or there is none."""
        # A step that fails takes JAX's arrays with it: there is no state to speak of then.
        if training.has_ended or training.last < 0 or all(value is None for value in values):
            return
        training.has_ended = True
        self._writer.state(self.record(training, training.last, "end", values))

    def finish(self, training: Training, *, has_returned: bool) -> None:
        """Writes the state with which a training ends, the one with which its `fit` returns, and the model's values."""
        values = self.values(training, None)
        self.end(training, values)
        if has_returned and training.last >= 0 and any(value is not None for value in values):
            self._writer.state(self.record(training, training.last, "final", values))
        self.arrays(f"final-{training.record.number}", training, values[: len(training.variables)])

    def arrays(self, name: str, training: Training, values: Sequence[Array | None]) -> None:
        """Writes values of a training's variables, in their order, but for seeds."""
        named = zip(training.variable_records, values, strict=False)
        arrays = {v.path: value for v, value in named if value is not None and v.role is not Role.SEED}
        if not arrays:
            return
        if name.startswith(_ENDS):
            # Of a script with hundreds of trainings not all can be kept.
            kept = self._kept.setdefault(training.record.side, {})
            number = training.record.number
            kept[number] = kept.get(number, 0) + sum(value.nbytes for value in arrays.values())
            if sum(kept.values()) > KEPT and len(kept) > 2:
                self._warn_once(f"first and last weights are kept up to {KEPT >> 20} MiB: from {name} on they are not")
                return
        self._writer.arrays(name, arrays)

    def _warn_once(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            self._writer.warning("weights-not-kept", text)


def held_by(trainer: Any) -> Any:
    """Returns the state that JAX's trainer holds outside of the variables while `fit` runs; None if it holds none.

    Source: keras/src/backend/jax/trainer.py, `_jax_state`, 3.12 to 3.15.
    """
    held = getattr(trainer, "_jax_state", None)
    names = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
    return tuple(held.get(name) for name in names) if held else None


def _first_steps(training: Training) -> int:
    if not training.first_steps:
        elements = sum(math.prod(v.shape) for v in training.variable_records)
        training.first_steps = cadence.first_steps(elements, len(training.variable_records))
    return training.first_steps


def _in_order(
    training: Training,
    state: Any,
    of_tensors: Callable[[Sequence[Any]], list[Any]],
    of_variables: Callable[[Sequence[Any]], list[Any]],
) -> list[Any]:
    """Reads all variables, in the order of the layout; those of JAX's `state` as tensors, where there is one."""
    if state is None:
        return of_variables(training.all_variables)
    model = [*state[0], *state[1]]
    values = of_tensors([*model, *state[2]])
    own, slots = values[: len(model)], values[len(model) :]
    return [*own, *of_variables(training.untracked), *slots, *of_variables(training.own_slots)]


def _digests(values: Sequence[Reading]) -> bytes:
    if sum(value.nbytes for value in values if isinstance(value, np.ndarray)) < _IN_THREADS:
        return b"".join(map(_digest, values))
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            return b"".join(threads.map(_digest, values))
    except RuntimeError:
        # No thread is to be had any more: the interpreter goes down, and a loop of the user's ends with it.
        return b"".join(map(_digest, values))


def _digest(value: Reading) -> bytes:
    if value is None:
        return _MISSING
    return blocks_digest(value) if isinstance(value, Blocks) else state_digest(value)
