"""Saving a pinned training, and taking it up again at any step."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samefit import backends
from samefit.backends.base import Array
from samefit.errors import CheckpointError
from samefit.patches import pinning
from samefit.patches import resume as touches
from samefit.pin import saved
from samefit.pin.generator_states import GeneratorStates
from samefit.pin.report import Limit
from samefit.pin.saved import Saved

if TYPE_CHECKING:
    from samefit.pin.scope import PinScope
    from samefit.pin.trainings import Training, Trainings

_NOT_STATE = ("params", "validation_data")
"""Attributes of callbacks that `fit` sets anew."""


def pin_resuming(scope: PinScope, trainings: Trainings) -> None:
    """Serves the `samefit.Checkpoint` callbacks of a scope."""
    touches.watch_resuming(scope.patches, scope.backend, Resuming(scope, trainings))


class Resuming:
    """Finds the checkpoint of each `fit`; observer of Keras's trainers.

    Args:
        scope: The scope.
        trainings: Knows which training runs.
    """

    def __init__(self, scope: PinScope, trainings: Trainings) -> None:
        self._scope = scope
        self._trainings = trainings
        self._files: dict[Path, int] = {}
        self._running: Resumable | None = None

    @contextlib.contextmanager
    def fitting(self, model: Any, arguments: dict[str, Any]) -> Iterator[None]:
        from samefit.pin.checkpoint import Checkpoint

        mine = [one for one in touches.callbacks_of(None, arguments.get("callbacks")) if isinstance(one, Checkpoint)]
        if not mine or self._running is not None:
            # A `fit` inside of a callback is part of the training that is saved.
            yield
            return
        checkpoint = mine[0]
        directory = checkpoint.directory.absolute()
        self._files[directory] = number = self._files.get(directory, 0) + 1
        file = directory / f"training-{number}.checkpoint"
        self._running = checkpoint.resuming = Resumable(
            self._scope, self._trainings, model, arguments, file, checkpoint.every
        )
        try:
            yield
        finally:
            touches.start_at_epoch(model, None)
            self._running = checkpoint.resuming = None

    def epoch(self, epoch: int) -> None:
        if self._running is not None:
            self._running.epoch(epoch)

    def data(self, epoch_iterator: Any) -> None:
        if self._running is not None and self._running.epoch_iterator is None:
            self._running.epoch_iterator = epoch_iterator

    def steps(self, epoch_iterator: Any, steps: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        if self._running is None or self._running.epoch_iterator is not epoch_iterator:
            return steps()
        return self._running.steps(steps)


class Resumable:
    """One `fit` with a checkpoint.

    Args:
        scope: The scope.
        trainings: Knows which training runs.
        model: The model.
        arguments: The arguments of `fit`.
        file: The checkpoint.
        every: Save each time that so many steps are done; None for the ends of epochs only.

    Attributes:
        epoch_iterator: The iterator over the training data, once it is made.
    """

    def __init__(
        self,
        scope: PinScope,
        trainings: Trainings,
        model: Any,
        arguments: dict[str, Any],
        file: Path,
        every: int | None,
    ) -> None:
        self._scope = scope
        self._trainings = trainings
        self._model = model
        self._callbacks = arguments.get("callbacks")
        self._initial_epoch = int(arguments.get("initial_epoch") or 0)
        self._file = file
        self._every = every
        self._backend = backends.load(scope.backend)
        self._generators = GeneratorStates(scope.backend)
        self._found: Saved | None = None
        self._earlier = range(0)
        self._training: Training
        self._epoch = 0
        self._epochs_begun = False
        self.epoch_iterator: Any = None

    # -- where it begins --------------------------------------------------------------------------------------------

    def begin(self, epochs: int) -> None:
        """`fit` has begun; looks for a checkpoint.

        Args:
            epochs: The number of epochs that `fit` was asked for.

        Raises:
            CheckpointError: If the checkpoint is of another training.
        """
        training = self._trainings.current()
        assert training is not None, "a fit with a checkpoint is a training of its scope"
        self._training = training
        training.when_done = self._end
        self._found = found = saved.read(self._file)
        if found is None:
            return
        number = self._training.number
        if (found.seed, found.training) != (self._scope.seed, number):
            raise CheckpointError(
                f"{self._file} is of training {found.training + 1} of its model under seed {found.seed}; this is "
                f"training {number + 1} under seed {self._scope.seed}. Remove it to begin anew."
            )
        touches.build(self._model, self.epoch_iterator)
        optimizers = touches.optimizers_of(self._model)
        if len(optimizers) == len(found.optimizers):
            for optimizer, places in zip(optimizers, found.optimizers, strict=True):
                touches.build_optimizer(self._model, optimizer, places)
        paths = tuple(variable.path for variable in touches.all_variables(self._model))
        shapes = [tuple(variable.shape) for variable in touches.all_variables(self._model)]
        if len(paths) != len(found.paths) or shapes != [value.shape for value in found.variables]:
            raise CheckpointError(
                f"{self._file} is of another model: it holds {len(found.paths)} variables, this one has {len(paths)}, "
                "or their shapes differ. Remove it to begin anew."
            )
        self._earlier = range(self._initial_epoch, found.epoch)
        touches.start_at_epoch(self._model, epochs if found.stopped else found.epoch)
        if found.stopped or found.epoch >= epochs:
            # Nothing is left to train: what was there at the end is there again, and it counts as a training.
            self._call_hooks_of_data()
            self._trainings.epoch(found.epoch - 1)
            self._restore()

    def epoch(self, epoch: int) -> None:
        """An epoch begins; callbacks have not heard of it."""
        self._epoch, self._epochs_begun = epoch, True
        if self._found is not None:
            if self._found.step == 0:
                self._restore()
        elif epoch > self._initial_epoch:
            self._save(epoch, 0)

    def steps(self, steps: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """Returns the steps of an epoch that are still to be done."""
        self._read_earlier_epochs(steps)
        skip = 0 if self._found is None else self._found.step
        for begin_step, end_step, batches in steps():
            if end_step < skip:
                touches.skip_step(self.epoch_iterator, batches)
                continue
            if self._found is not None:
                self._restore()
            elif self._is_due(begin_step):
                self._save(self._epoch, begin_step)
            yield begin_step, end_step, batches

    def _read_earlier_epochs(self, steps: Callable[[], Iterator[Any]]) -> None:
        """Brings data that does not begin anew in each epoch to where this epoch begins."""
        if touches.begins_anew_each_epoch(self.epoch_iterator):
            self._call_hooks_of_data()
            return
        earlier, self._earlier = self._earlier, range(0)
        for epoch in earlier:
            self._trainings.epoch(epoch)
            touches.skip_pass(self.epoch_iterator, steps)
        if earlier:
            self._trainings.epoch(self._epoch)

    def _call_hooks_of_data(self) -> None:
        """Lets a `PyDataset` do what it did around earlier epochs (shuffle its rows, say), with the draws of each."""
        earlier, self._earlier = self._earlier, range(0)
        hooks = touches.hooks_of_data(self.epoch_iterator)
        if not earlier or not hooks:
            return
        for epoch in earlier:
            self._trainings.epoch(epoch)
            for hook in hooks:
                hook()
        self._trainings.epoch(self._epoch)

    def _is_due(self, steps_done: int) -> bool:
        # After the last step of an epoch Keras has more to do before the next one, and where it does not know which
        # step is the last, only the begin of an epoch is a place to go on from.
        if self._every is None or not touches.length_is_known(self.epoch_iterator):
            return False
        size = self.epoch_iterator.steps_per_execution
        return steps_done > 0 and steps_done // self._every > (steps_done - size) // self._every

    # -- what is saved ----------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """`fit` has ended by itself."""
        if self._epochs_begun:
            self._save(self._epoch + 1, 0, stopped=bool(self._model.stop_training))

    def _save(self, epoch: int, step: int, *, stopped: bool = False) -> None:
        pinning.take_state_back(self._model)
        variables = touches.all_variables(self._model)
        values = tuple(self._value(variable) for variable in variables)
        Saved(
            seed=self._scope.seed,
            training=self._training.number,
            epoch=epoch,
            step=step,
            stopped=stopped,
            paths=tuple(variable.path for variable in variables),
            variables=values,
            optimizers=tuple(self._built_for(optimizer) for optimizer in touches.optimizers_of(self._model)),
            generators=self._generators.read(self._training.callbacks),
            callbacks=tuple((_name(one), self._state_of(one)) for one in self._counting()),
        ).write(self._file)

    def _built_for(self, optimizer: Any) -> list[int] | None:
        try:
            return touches.built_for(self._model, optimizer)
        except ValueError as error:
            raise CheckpointError(
                f"The optimizer {optimizer.name} updates variables that are in no layer of the model: a checkpoint "
                "cannot save them. Make them a part of the model."
            ) from error

    def _value(self, variable: Any) -> Array:
        value = self._backend.host_value(variable)
        assert value is not None, f"{variable.path} has no value between two steps"
        return value

    def _state_of(self, callback: Any) -> dict[str, Any]:
        state = {name: value for name, value in vars(callback).items() if name not in _NOT_STATE}
        # Functions do not count anything; the model is callable, too, and is saved by itself.
        left_out = [name for name, value in state.items() if not (saved.is_plain(value) or callable(value))]
        if left_out and not type(callback).__module__.startswith("keras."):
            self._scope.report.limit(
                Limit(
                    "callback-state",
                    f"The callback {type(callback).__name__} keeps {', '.join(sorted(left_out))}, which a checkpoint "
                    "cannot hold.",
                    "Keep numbers, texts, arrays, or lists and dictionaries of them.",
                )
            )
        return {name: value for name, value in state.items() if saved.is_plain(value)}

    def _counting(self) -> list[Any]:
        """Returns the callbacks of this `fit` that are not ours."""
        found = touches.callbacks_of(self._model, self._callbacks)
        return [one for one in found if not type(one).__module__.startswith("samefit.")]

    def _restore(self) -> None:
        found, self._found = self._found, None
        assert found is not None, "there is nothing to restore twice"
        callbacks = self._counting()
        if [_name(one) for one in callbacks] != [name for name, _ in found.callbacks]:
            raise CheckpointError(
                f"{self._file} was written with the callbacks {', '.join(name for name, _ in found.callbacks)}; this "
                f"fit has {', '.join(map(_name, callbacks))}. Use the same ones, or remove it to begin anew."
            )
        pinning.take_state_back(self._model)
        for variable, value in zip(touches.all_variables(self._model), found.variables, strict=True):
            self._backend.write(variable, value)
        for callback, (_, state) in zip(callbacks, found.callbacks, strict=True):
            for name, value in state.items():
                setattr(callback, name, value)
        self._generators.write(found.generators, self._training.callbacks)


def _name(callback: Any) -> str:
    return type(callback).__qualname__
