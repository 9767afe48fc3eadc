"""The promise that recording never breaks a training, in one place.

Only the standard library is imported here, as in `samefit.record.ledger`.
"""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from samefit.store.writer import RunWriter

_T = TypeVar("_T")


class Guard:
    """Runs pieces of recording; the first failure stops the recording, never the training, and marks the run.

    Attributes:
        stopped: Whether nothing is recorded any more: after a failure, after the end of the run, and in a process that
            was forked from the recorded one.
    """

    def __init__(self, writer: RunWriter | None = None) -> None:
        self.stopped = False
        self._writer = writer

    def __call__(self, work: Callable[[], _T], otherwise: _T) -> _T:
        """Returns what `work` returns, or `otherwise` if it fails or recording has stopped."""
        if self.stopped:
            return otherwise
        try:
            return work()
        except Exception as error:  # any failure of ours must leave the training alone; it is marked in the run
            self._fail(error)
            return otherwise

    def connect(self, writer: RunWriter) -> None:
        """Names the run that a failure is to mark."""
        self._writer = writer

    def stop(self) -> None:
        """Ends the recording; what is watched goes on without it."""
        self.stopped = True

    def _fail(self, error: BaseException) -> None:
        self.stop()
        reason = f"{type(error).__name__}: {error}"
        sys.stderr.write(f"samefit: recording stopped, the training goes on: {reason}\n")
        if self._writer is None:
            return
        with contextlib.suppress(Exception):  # the writer may be what failed (a full disk)
            self._writer.warning("recording-failed", reason + "\n" + "".join(traceback.format_exception(error)[-3:]))
            self._writer.update_manifest({"recording_failed": reason})
