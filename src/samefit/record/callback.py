"""`samefit.Recorder`: recording from inside a script or a notebook, without the command line."""

from __future__ import annotations

import contextlib
import weakref
from pathlib import Path
from typing import Any

import keras

from samefit import live
from samefit.patches.trainer import watch_callbacks


class Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Records trainings of this process into a run directory.

    As a callback it records the `fit` that it is handed to. As a context manager it records everything that is trained
    within, `train_on_batch` included. In a loop of your own call `step` after each update.

    In a script that `samefit run` or `samefit check` runs, all is recorded into the run of that command: there it
    writes no run of its own, and `step` adds its steps to that one.

    Args:
        path: The run directory; it must not exist, or be empty.
        every_step: Whether all weights are recorded after every step; by default after the first steps of a training,
            the last, and some between.

    Raises:
        RunError: If `path` holds something already.

    Example:
        >>> model.fit(x, y, callbacks=[samefit.Recorder("baseline.run")])
        >>> with samefit.Recorder("candidate.run"):
        ...     model.train_on_batch(x, y)
    """

    def __init__(self, path: str | Path, *, every_step: bool = False) -> None:
        super().__init__()
        self._every_step = every_step
        self.path = Path(path)
        self._live: Any = None
        self._training: contextlib.ExitStack | None = None
        self._ended: weakref.finalize[..., Any] | None = None
        self._within = False

    def __enter__(self) -> Recorder:
        self._within = True
        if live.of_session() is not None:
            return self
        try:
            self._start()
        except BaseException:  # whatever kept it from beginning, a Ctrl-C included: this is in no block
            self._within = False
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._within = False
        self._finish(None if error is None else f"{type(error).__name__}: {error}")

    def _start(self) -> None:
        if self._live is None:
            target = f"Recorder({str(self.path)!r})"
            session = {"run": str(self.path), "target": target, "every_step": self._every_step, "joined": True}
            recording = live.Live(session)
            try:
                recording.watch_process()
                recording.begin_side("")
                recording.keras_imported()
                if not self._within:
                    watch_callbacks(recording.patches, self._fit_begins)
            except BaseException:  # whatever kept it from beginning, a Ctrl-C included: no hook stays
                recording.ledger.guard.stop()
                recording.patches.undo()
                raise
            self._live = recording

    def _fit_begins(self, callbacks: Any) -> None:
        """Arranges that the run ends with the `fit` that is handed these callbacks, however it ends.

        Keras tells its callbacks nothing of an exception or a Ctrl-C; but its list of them goes with that `fit`.
        """
        if self._ended is None and any(callback is self for callback in callbacks.callbacks):
            self._ended = weakref.finalize(callbacks, self._abandon, weakref.ref(self))
            self._ended.atexit = False

    @staticmethod
    def _abandon(reference: weakref.ref[Recorder]) -> None:
        recorder = reference()
        if recorder is not None:
            recorder._end("fit ended before the training did")

    def _end(self, error: str | None) -> None:
        """Ends the training of the `fit` that this was handed to, and the run."""
        training, self._training = self._training, None
        ended, self._ended = self._ended, None
        if ended is not None:
            ended.detach()
        try:
            if training is not None and error is None:
                training.close()
            elif training is not None:
                failure = RuntimeError(error)
                training.__exit__(type(failure), failure, None)
        finally:
            self._finish(error)

    def _finish(self, error: str | None) -> None:
        recording, self._live = self._live, None
        if recording is not None:
            try:
                recording.finish(1 if error else 0, error)
            finally:
                recording.ledger.guard.stop()
                recording.patches.undo()

    def set_model(self, model: Any) -> None:
        """Puts the hooks in place: Keras calls it before it makes the train function."""
        super().set_model(model)
        if not self._within and live.of_session() is None:
            self._start()
            # A train function that was made before has no hook: Keras makes a new one, of the same computation.
            model.train_function = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Begins a training, unless a `with` block has seen `fit` itself."""
        if not self._within and self._live is not None:
            self._training = contextlib.ExitStack()
            self._training.enter_context(self._live.recorder.training(self.model, "fit", {}))

    def on_train_end(self, logs: Any = None) -> None:
        """Ends the training and closes the run."""
        if self._training is not None:
            self._end(None)

    def step(self, model: Any, batch: Any, loss: Any) -> None:
        """Records one step of a loop of your own; call it after the update, within a `with` block.

        Args:
            model: The Keras model; its variables and those of `model.optimizer` are read as they are now.
            batch: What went into the step: arrays or tensors, nested as you like.
            loss: The loss of the step, a number or a tensor of one element.

        Raises:
            RuntimeError: If it is called outside of a `with` block.
        """
        recording = live.of_session() or self._live
        if recording is None or not self._within:
            raise RuntimeError("Recorder.step belongs into a `with samefit.Recorder(path) as recorder:` block.")
        if recording.recorder is not None:
            recording.recorder.by_hand(model, batch, loss)
