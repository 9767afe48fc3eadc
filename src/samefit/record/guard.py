"""The promise that recording never breaks a training, in one place.

Only the standard library is imported here, as in `samefit.record.ledger`.
"""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

if TYPE_CHECKING:
    from samefit.store.writer import RunWriter

_T = TypeVar("_T")
_P = ParamSpec("_P")


class Guard:
    """Runs pieces of recording; the first failure stops the recording, never the training, and marks the run.

    Attributes:
        stopped: Whether nothing is recorded any more: after a failure, after the end of the run, and in a process that
            was forked from the recorded one.
        failure: What stopped it, if that was a failure.
        missed: Called when a training begins that is not recorded.
    """

    def __init__(self, writer: RunWriter | None = None) -> None:
        self.stopped = False
        self.failure: Exception | None = None
        self.missed: Callable[[], None] = lambda: None
        self._writer = writer

    def __call__(self, work: Callable[[], _T], otherwise: _T) -> _T:
        """Returns what `work` returns, or `otherwise` if it fails or recording has stopped."""
        if self.stopped:
            return otherwise
        try:
            return work()
        except Exception as error:  # any failure of ours must leave the training alone; it is marked in the run
            if _comes_from_a_signal(error):
                raise
            self._fail(error)
            return otherwise

    def connect(self, writer: RunWriter) -> None:
        """Names the run that a failure is to mark, also one that was before there was a run."""
        self._writer = writer
        if self.failure is not None:
            self._mark(self.failure)

    def stop(self) -> None:
        """Ends the recording; what is watched goes on without it."""
        self.stopped = True

    def ending(self, work: Callable[[], None]) -> None:
        """Runs what ends the recording, also after a failure; the first failure is said, and marks the run."""
        try:
            work()
        except Exception as error:  # the end of the user's script, or of a `with` block, is not ours to break
            if _comes_from_a_signal(error):
                raise
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self.stop()
        if self.failure is not None:
            return
        self.failure = error
        sys.stderr.write(f"samefit: recording stopped, the training goes on: {_reason(error)}\n")
        self._mark(error)

    def _mark(self, error: Exception) -> None:
        writer, reason = self._writer, _reason(error)
        if writer is None:
            return
        # The writer may be what failed (a full disk). The manifest is a file of its own: each is tried for itself.
        with contextlib.suppress(Exception):
            writer.update_manifest({"recording_failed": reason})
        with contextlib.suppress(Exception):
            writer.warning("recording-failed", reason + "\n" + "".join(traceback.format_exception(error)[-3:]))


def _comes_from_a_signal(error: Exception) -> bool:
    """Whether a signal handler of the user's raised it, which happened to run while we did: it is theirs to catch."""
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    codes = {code for handler in handlers if (code := getattr(handler, "__code__", None)) is not None}
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def guarded(method: Callable[Concatenate[Any, _P], None]) -> Callable[Concatenate[Any, _P], None]:
    """Returns a method that only records, such that it runs by the `guard` of its object."""

    @functools.wraps(method)
    def run(self: Any, /, *args: _P.args, **kwargs: _P.kwargs) -> None:
        self.guard(lambda: method(self, *args, **kwargs), None)

    return run
