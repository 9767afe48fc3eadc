"""A training while it runs, as the recorder keeps track of it."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from samefit.attribution import acting_callback, caller
from samefit.backends.base import Array, Backend
from samefit.patches.held import own_parts
from samefit.record import models
from samefit.record.batches import BatchDigest
from samefit.record.compiled import OWN_PARTS
from samefit.store.records import TrainingRecord, VariableRecord
from samefit.types import IN_CALLBACK


@dataclass(frozen=True, slots=True)
class Before:
    """What is known before a step.

    Attributes:
        batch: Its batch, or why it has no digest; None where it is seen on another way, or not at all.
        begin: {id of a variable: a copy of its value} before the first step of a training.
        moment: What a look inside of the step needs (`samefit.record.inside.Moment`), or None.
        generators: Digests of the generators of the process.
    """

    batch: BatchDigest | str | None
    begin: Mapping[int, Array]
    moment: Any
    generators: Mapping[str, bytes]


NOTHING_KNOWN = Before(None, {}, None, {})


class Threads:
    """The threads that train at the moment. One may train within its own training (a nested `fit`)."""

    def __init__(self) -> None:
        self._training: list[int] = []

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """Within, this thread trains."""
        self._training.append(threading.get_ident())
        try:
            yield
        finally:
            self._training.remove(threading.get_ident())

    def must_be_one(self) -> None:
        """Checks that no other thread trains: of two that begin at once, the second sees the first.

        Raises:
            RuntimeError: If one does. What draws, and which step is which, cannot be told then.
        """
        if len(set(self._training)) > 1:
            raise RuntimeError("a training began in one thread while another ran one; one at a time is recorded")


def begun_by(running: Sequence[Training]) -> dict[str, Any]:
    """Returns what the ledger says of who begins a training: the user's line, and the callback that it stands in.

    Args:
        running: The trainings that run, the innermost last.
    """
    callback = acting_callback(sys._getframe(1)) if running else ""
    component = f"{IN_CALLBACK}{running[-1].record.number}" if callback else ""
    return {"location": caller().location, "function": callback, "component": component}


@dataclass
class Training:
    """A training that runs now.

    Attributes:
        record: What the run holds of it.
        trainer: The model.
        variables: The model's variables.
        optimizer_variables: Those of the optimizer that it was compiled with ("" is its name here), and of optimizers
            that the model holds itself, by attribute.
        held: The optimizers that the model holds itself, by attribute.
        num_held: How many variables these had when they were collected.
        untracked: Those of `variables` that Keras leaves out of the model's (states of recurrent layers).
        layout: Number of the layout of its states; -1 before the first step.
        variable_records: The layout.
        epoch: The epoch that runs.
        step_in_epoch: 0-based number of the next step in it.
        steps: Steps so far.
        chain: Chain up to the last step that was written.
        stepped_since_batch_end: Steps since Keras last reported the end of a batch.
        batches_unseen: Whether it was said that batches could not be seen.
        on_batch: What `train_on_batch` was given.
        acts_between: Whether a callback of the user's runs between two steps, and may change weights.
        may_wait: Whether what its steps return may be read later.
        waits_until: Up to this number of steps nothing of them has to be read at once, but for an epoch's first: the
            state before that is another one where a callback changed it.
        first_steps: How many steps have their states recorded, before only some do; 0 where that is not known yet.
        last: Index of its last step so far.
        last_state: Index of the last step whose state was recorded.
        last_digests: The digests of that state.
        has_ended: Whether the state at its end was recorded.
    """

    record: TrainingRecord
    trainer: Any
    variables: list[Any] = field(default_factory=list)
    optimizer_variables: dict[str, list[Any]] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    num_held: int = 0
    untracked: list[Any] = field(default_factory=list)
    layout: int = -1
    variable_records: tuple[VariableRecord, ...] = ()
    epoch: int = 0
    step_in_epoch: int = 0
    steps: int = 0
    chain: bytes = b""
    stepped_since_batch_end: int = 0
    batches_unseen: bool = False
    first_steps: int = 0
    last: int = -1
    last_state: int = -1
    last_digests: bytes = b""
    has_ended: bool = False
    on_batch: tuple[Any, ...] | None = None
    acts_between: bool = False
    may_wait: bool = False
    waits_until: int = 0

    @property
    def may_have_changed(self) -> bool:
        """Whether a callback may have changed weights since the step before, as far as that can be told."""
        if self.acts_between and self.last_state == self.last:
            return True
        return not self.step_in_epoch and bool(self.record.options.get("callbacks"))

    def returns_early(self, backend: Backend) -> bool:
        """Whether what a step returned can be read later: nothing changes it, and Keras itself does not wait for it."""
        if not backend.returns_early or self.record.kind != "fit":
            return False
        return bool(self.trainer.jit_compile and not self.trainer.run_eagerly)

    def collect(self, trainer: Any) -> None:
        """Reads which variables there are now: a model may be built, and an optimizer made, in the first step."""
        metrics = {id(v) for v in trainer.metrics_variables}
        variables = [*trainer.trainable_variables, *trainer.non_trainable_variables]
        self.untracked = [v for layer in trainer._flatten_layers() for v in models.recurrent_state(layer)]
        self.variables = [*(v for v in variables if id(v) not in metrics), *self.untracked]
        optimizer = getattr(trainer, "optimizer", None)
        self.optimizer_variables = {"": list(optimizer.variables) if optimizer is not None else []}
        self.held = own_parts(trainer, OWN_PARTS["optimizers"])
        self.num_held = _sizes(self.held)
        known = {id(v) for v in self.optimizer_variables[""]}
        for name, one in self.held.items():
            # One that `compile` took as well, or wrapped, is recorded once.
            own = [v for v in one.variables if id(v) not in known]
            known.update(map(id, own))
            if own:
                self.optimizer_variables[name] = own

    @property
    def all_variables(self) -> list[Any]:
        """The model's variables, then the optimizers': the order of the layout and of the digests."""
        return [*self.variables, *(v for slots in self.optimizer_variables.values() for v in slots)]

    @property
    def own_slots(self) -> list[Any]:
        """The variables of optimizers that the model holds itself: the last of all."""
        return [v for name, slots in self.optimizer_variables.items() if name for v in slots]

    @property
    def num_variables(self) -> int:
        """How many variables there are now, those of optimizers that came to be used in a later step included."""
        if self.num_held != _sizes(self.held):
            self.collect(self.trainer)
        return len(self.variables) + sum(map(len, self.optimizer_variables.values()))

    def seen(self, batch: BatchDigest | str | None, warn: Callable[[str, str], None]) -> BatchDigest | None:
        """Returns a batch if it was seen; warns once that one was not, and why if that is known."""
        if isinstance(batch, BatchDigest):
            return batch
        if not self.batches_unseen:
            self.batches_unseen = True
            unseen = f"training #{self.record.number}: its batches could not be seen"
            warn("batch-unseen", f"{unseen}: {batch}" if batch else unseen)
        return None

    def by_path(self) -> dict[str, Any]:
        """Returns the variables by the paths under which they are recorded, slots that are not made yet included."""
        optimizer = getattr(self.trainer, "optimizer", None)
        if optimizer is not None and self.trainer.built and not optimizer.built:
            # TensorFlow and PyTorch make them in the first step, which is too late to put values into them.
            optimizer.build(self.trainer.trainable_variables)
        self.collect(self.trainer)
        paths: dict[str, int] = {}
        named = [("", v) for v in self.variables]
        named += [(holder, v) for holder, slots in self.optimizer_variables.items() for v in slots]
        return {models.unique_path(models.held_as(holder, v.path), paths): v for holder, v in named}

    def ended_as(self, status: str) -> str:
        """Returns how `train_on_batch` calls ended in a run that is `status`: as failed, if the last of them did."""
        return "failed" if self.record.status == "failed" and status == "complete" else status

    def finish(self, status: str) -> None:
        """Puts into the record how the training ended, and what it reported."""
        history = self.history()
        last = {name: values[-1] for name, values in history.items()} or self.record.metrics
        self.record = replace(self.record, status=status, metrics=last, history=history)

    def history(self) -> dict[str, tuple[float, ...]]:
        """Returns what the training's history holds, epoch by epoch, by name."""
        history = getattr(getattr(self.trainer, "history", None), "history", {}) or {}
        return {
            name: tuple(float(value) for value in values)
            for name, values in history.items()
            if values and all(_is_number(value) for value in values)
        }


def _sizes(optimizers: Mapping[str, Any]) -> int:
    return sum(len(optimizer.variables) for optimizer in optimizers.values())


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


_LONG = 1000
"""Steps of others after which the training of a model counts as over: a script may make a model for each task."""


def over(on_batch: dict[int, Training], trainer: Any, steps: int) -> list[Training]:
    """Takes out the `train_on_batch` trainings that are over now that another training of `trainer` begins.

    Args:
        on_batch: The trainings, by the identity of their trainer.
        trainer: The model that is trained next.
        steps: Number of steps that were recorded so far.
    """
    keys = [k for k, t in on_batch.items() if k == id(trainer) or (t.layout >= 0 and steps - t.last >= _LONG)]
    return [training for training in map(on_batch.pop, keys) if training.layout >= 0]
